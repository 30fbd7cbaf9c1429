using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac;

namespace TransferLearning;

/// <summary>A picture as the pre-trained network sees it.</summary>
internal sealed class FeatureRow
{
    /// <summary>[512]: the means of ResNet-18's last maps.</summary>
    [VectorType(ResNetFeatures.Length)]
    public float[] Features { get; set; } = [];

    /// <summary>Name of the class.</summary>
    public string Label { get; set; } = "";
}

/// <summary>The features of all pictures, computed once: the heads are then trained in seconds.</summary>
internal sealed class ResNetFeatures
{
    /// <summary>Rows and columns of the images that ResNet-18 was trained on.</summary>
    public const int Side = 224;

    public const int Length = 512;

    private ResNetFeatures(ITransformer featurizer, FeatureRow[] rows, double seconds)
    {
        (Featurizer, Rows, Seconds) = (featurizer, rows, seconds);
    }

    /// <summary>From the column Image to the column Features.</summary>
    public ITransformer Featurizer { get; }

    public FeatureRow[] Rows { get; }

    /// <summary>What the pictures took.</summary>
    public double Seconds { get; }

    public static ResNetFeatures Of(MLContext mlContext, ImageFolderDataView images)
    {
        ITransformer featurizer = mlContext.Transforms.ExtractPixels("Pixels", "Image")
            .Append(mlContext.Transforms.DnnFeaturizeImage("Features", network => network.ModelSelector.ResNet18(mlContext, network.OutputColumn, network.InputColumn), "Pixels"))
            .Fit(images);
        long start = Stopwatch.GetTimestamp();
        FeatureRow[] rows = [.. Read(featurizer.Transform(images))];
        return new ResNetFeatures(featurizer, rows, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    public void Save(string path) => File.WriteAllLines(
        path, Rows.Select(row => $"{row.Label}\t{string.Join('\t', row.Features.Select(value => value.ToString("G6", CultureInfo.InvariantCulture)))}"));

    /// <remarks>A cursor, because the featurizer's column is [1, 512, 1, 1] and a class of rows wants [512].</remarks>
    private static IEnumerable<FeatureRow> Read(IDataView view)
    {
        DataViewSchema.Column features = view.Schema["Features"], label = view.Schema["Label"];
        using DataViewRowCursor cursor = view.GetRowCursor([features, label]);
        ValueGetter<VBuffer<float>> getFeatures = cursor.GetGetter<VBuffer<float>>(features);
        ValueGetter<ReadOnlyMemory<char>> getLabel = cursor.GetGetter<ReadOnlyMemory<char>>(label);
        VBuffer<float> values = default;
        ReadOnlyMemory<char> name = default;
        while (cursor.MoveNext())
        {
            getFeatures(ref values);
            getLabel(ref name);
            yield return new FeatureRow { Features = [.. values.DenseValues()], Label = name.ToString() };
        }
    }
}
