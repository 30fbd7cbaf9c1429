using System.Text;
using Kfac.Models;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;
using MLNetKfac.ModelIO;
using MLNetKfac.Persistence;

[assembly: LoadsTransformer(TransformerPayload.Kind, TransformerPayload.Version, typeof(TransformerPayload))]

namespace MLNetKfac.Persistence;

/// <summary>
/// A <see cref="KfacImageClassificationTransformer"/> in a model file: column names, type and layout of the features, label
/// values, and the classifier in its own format.
/// </summary>
internal sealed class TransformerPayload : ITransformerLoader
{
    public const string Kind = "KfacImageClassification";

    /// <summary>Version 1 was not sealed; its content is the same.</summary>
    public const int Version = 2;

    private const byte NoLabelValues = byte.MaxValue;

    /// <summary>What a feature column holds.</summary>
    private const byte Singles = 0, Bytes = 1, Images = 2;

    public static void Save(KfacImageClassificationTransformer transformer, ModelSaveContext context) =>
        TransformerPersistence.Save(context, Kind, Version, payload => ChecksummedPayload.Write(payload, content => Write(transformer, content)));

    /// <inheritdoc/>
    public ITransformer Load(IHostEnvironment environment, int version, Stream payload)
    {
        try
        {
            using Stream content = version == 1 ? payload : ChecksummedPayload.Open(payload);
            return Read(content);
        }
        catch (Exception damage) when (damage is FormatException or IOException or ArgumentException or OverflowException)
        {
            throw new InvalidDataException($"the model's image classifier is damaged: {damage.Message}", damage);
        }
    }

    internal static void Write(KfacImageClassificationTransformer transformer, Stream payload)
    {
        using var writer = new BinaryWriter(payload, Encoding.UTF8, leaveOpen: true);
        writer.Write(transformer.FeatureColumnName);
        writer.Write(transformer.ScoreColumnName);
        writer.Write(transformer.PredictedLabelColumnName);
        WriteColumnType(writer, transformer.Format.ColumnType);

        writer.Write((byte)transformer.Layout);
        LabelValues? values = transformer.Model.LabelValues;
        writer.Write(values?.Type.Number ?? NoLabelValues);
        writer.Write(transformer.Model.ClassCount);
        values?.Write(writer);
        writer.Flush();
        transformer.Model.Classifier.Save(payload, transformer.Model.SavesOptimizerState);
    }

    private static KfacImageClassificationTransformer Read(Stream payload)
    {
        using var reader = new BinaryReader(payload, Encoding.UTF8, leaveOpen: true);
        string features = reader.ReadString(), score = reader.ReadString(), predictedLabel = reader.ReadString();
        if (features.Length == 0 || score.Length == 0 || predictedLabel.Length == 0)
        {
            throw new FormatException("a column has no name");
        }

        DataViewType columnType = ReadColumnType(reader);
        var layout = (ImageLayout)reader.ReadByte();
        byte valueType = reader.ReadByte();
        int classCount = reader.ReadInt32();
        LabelColumn.RequireClasses(classCount);
        LabelValues? values = valueType == NoLabelValues ? null : LabelValueType.Numbered(valueType).Read(reader, classCount);
        ImageClassifier classifier = ImageClassifier.Load(payload);
        if (payload.Position != payload.Length)
        {
            throw new FormatException($"{payload.Length - payload.Position} bytes follow its end");
        }

        var format = new PixelFormat(columnType, classifier.InputShape, layout);
        if (!format.IsPossible || classCount != classifier.ClassCount)
        {
            throw new FormatException($"features of {columnType} in layout {layout} and {classCount} classes do not go with a network for images of {format.Shape} in {classifier.ClassCount} classes");
        }

        return new KfacImageClassificationTransformer(
            new KfacImageClassificationModelParameters(classifier, values, classifier.HasOptimizerState), features,
            format, new OutputColumns(score, predictedLabel));
    }

    /// <summary>A byte for what it holds, the number of dimensions and the dimensions: H and W of an image, 0 where unknown.</summary>
    private static void WriteColumnType(BinaryWriter writer, DataViewType type)
    {
        (byte content, IReadOnlyList<int> dimensions) = type switch
        {
            ImageDataViewType image => (Images, [image.Height, image.Width]),
            VectorDataViewType vector => (vector.ItemType == NumberDataViewType.Byte ? Bytes : Singles, (IReadOnlyList<int>)vector.Dimensions),
            _ => throw new InvalidOperationException($"features of type {type} have no place in a model file"),
        };
        writer.Write(content);
        writer.Write((byte)dimensions.Count);
        foreach (int dimension in dimensions)
        {
            writer.Write(dimension);
        }
    }

    private static DataViewType ReadColumnType(BinaryReader reader)
    {
        byte content = reader.ReadByte();
        int[] dimensions = new int[reader.ReadByte()];
        for (int i = 0; i < dimensions.Length; i++)
        {
            dimensions[i] = reader.ReadInt32();
        }

        return (content, dimensions) switch
        {
            (Singles, _) => new VectorDataViewType(NumberDataViewType.Single, dimensions),
            (Bytes, _) => new VectorDataViewType(NumberDataViewType.Byte, dimensions),
            (Images, [0, 0]) => new ImageDataViewType(),
            (Images, [int height, int width]) => new ImageDataViewType(height, width),
            _ => throw new FormatException($"features are of kind {content} with {dimensions.Length} dimensions"),
        };
    }
}
