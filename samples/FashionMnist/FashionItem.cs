using Kfac;
using Kfac.Images;
using Microsoft.ML;
using Microsoft.ML.Data;
using Spectre.Console;

namespace FashionMnist;

/// <summary>A row of the data: an image and what it shows.</summary>
internal sealed class FashionItem
{
    private static readonly string[] ClassNames = ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// <summary>[H, W, C] pixels, 0 … 255.</summary>
    public float[] Features { get; set; } = [];

    public string Label { get; set; } = "";

    /// <summary>The images of IDX files as ML.NET rows, read as they are asked for.</summary>
    /// <param name="mlContext">Whose rows.</param>
    /// <param name="images">The images.</param>
    /// <param name="classNames">Names of other classes; null for those of Fashion-MNIST.</param>
    public static IDataView Load(MLContext mlContext, MemoryImageSource images, IReadOnlyList<string>? classNames = null)
    {
        SchemaDefinition schema = SchemaDefinition.Create(typeof(FashionItem));
        schema[nameof(Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, images.Shape.Height, images.Shape.Width, images.Shape.Channels);
        return mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, images.Count).Select(index => Read(images, index, classNames)), schema);
    }

    public static FashionItem Read(MemoryImageSource images, int index, IReadOnlyList<string>? classNames = null)
    {
        FashionItem item = new() { Features = new float[images.Shape.Size] };
        images.ReadImage(index, item.Features);
        int label = images.GetLabel(index);
        item.Label = classNames is not null ? classNames[label] : images.ClassCount == ClassNames.Length ? ClassNames[label] : $"class {label}";
        return item;
    }

    /// <summary>Mean of the pixel's channels, as a grey.</summary>
    public Color ColourAt(ImageShape shape, int row, int column)
    {
        byte grey = (byte)Features.AsSpan((row * shape.Width + column) * shape.Channels, shape.Channels).ToArray().Average();
        return new Color(grey, grey, grey);
    }
}

/// <summary>What the model says of a row.</summary>
internal sealed class FashionPrediction
{
    /// <summary>The most probable class, by name.</summary>
    public string PredictedLabel { get; set; } = "";

    /// <summary>A probability for each class.</summary>
    public float[] Score { get; set; } = [];
}
