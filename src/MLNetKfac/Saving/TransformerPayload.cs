using System.Runtime.InteropServices;
using System.Text;
using Kfac.Models;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MLNetKfac.Columns;
using MLNetKfac.Scoring;

namespace MLNetKfac.Saving;

/// <summary>
/// A <see cref="ScoringModel"/> in a model file: column names, type and layout of the features and label values, then the
/// classifier in its own format, with its own checksum. docs/model-format.md has it in full.
/// </summary>
internal static class TransformerPayload
{
    /// <summary>
    /// Version 1 had no checksum of its own, version 2 one over everything, the classifier's included; since version 3 it is over
    /// all but the classifier. The content is the same in all.
    /// </summary>
    public const int Version = 3;

    private const byte NoLabelValues = byte.MaxValue;

    /// <summary>What a feature column holds.</summary>
    private const byte Singles = 0, Bytes = 1, Images = 2;

    public static void Write(ScoringModel model, Stream payload)
    {
        using var front = new MemoryStream();
        WriteFront(model, front);
        ChecksummedPayload.Write(payload, front.GetBuffer().AsSpan(0, (int)front.Length));
        model.Classifier.Save(payload, model.SavesOptimizerState);
    }

    /// <exception cref="InvalidDataException">The payload is damaged, or of a version that this component does not know.</exception>
    public static ScoringModel Read(int version, byte[] payload)
    {
        if (version is < 1 or > Version)
        {
            throw new InvalidDataException($"the model holds an image classifier in version {version}, but MLNetKfac reads versions 1 to {Version}: update the package MLNetKfac");
        }

        try
        {
            (ReadOnlyMemory<byte> content, ReadOnlyMemory<byte> rest) = version switch
            {
                1 => (payload, default),
                2 => (ChecksummedPayload.Open(payload), default),
                _ => ChecksummedPayload.ReadFront(payload),
            };
            using Stream front = AsStream(content), behind = AsStream(rest);
            return Read(front, version < 3 ? front : behind);
        }
        catch (Exception damage) when (damage is FormatException or IOException or ArgumentException or OverflowException)
        {
            throw new InvalidDataException($"the model's image classifier is damaged: {damage.Message}", damage);
        }
    }

    /// <summary>Everything but the classifier.</summary>
    internal static void WriteFront(ScoringModel model, Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(model.FeatureColumnName);
        writer.Write(model.Outputs.ScoreName);
        writer.Write(model.Outputs.PredictedLabelName);
        WriteColumnType(writer, model.Format.ColumnType);
        writer.Write((byte)model.Format.Layout);
        writer.Write(model.LabelValues?.Type.Number ?? NoLabelValues);
        writer.Write(model.Classifier.ClassCount);
        model.LabelValues?.Write(writer);
    }

    private static MemoryStream AsStream(ReadOnlyMemory<byte> bytes)
    {
        MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> segment);
        return new MemoryStream(segment.Array ?? [], segment.Offset, segment.Count, writable: false);
    }

    /// <param name="front">Where columns and labels are.</param>
    /// <param name="network">Where the classifier is, which may be behind them in the same stream.</param>
    private static ScoringModel Read(Stream front, Stream network)
    {
        using var reader = new BinaryReader(front, Encoding.UTF8, leaveOpen: true);
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
        ImageClassifier classifier = ImageClassifier.Load(network);
        long surplus = network.Length - network.Position + (network == front ? 0 : front.Length - front.Position);
        if (surplus > 0)
        {
            throw new FormatException($"{surplus} bytes follow its end");
        }

        var format = new PixelFormat(columnType, classifier.InputShape, layout);
        return format.IsPossible && classCount == classifier.ClassCount
            ? new ScoringModel(classifier, values, features, format, new OutputColumns(score, predictedLabel)) { SavesOptimizerState = classifier.HasOptimizerState }
            : throw new FormatException($"features of {columnType} in layout {layout} and {classCount} classes do not go with a network for images of {format.Shape} in {classifier.ClassCount} classes");
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
