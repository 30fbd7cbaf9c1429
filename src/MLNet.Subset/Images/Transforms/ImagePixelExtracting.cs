using System.Numerics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

[assembly: LoadableClass(
    typeof(ImagePixelExtractingTransformer), null, typeof(SignatureLoadModel), "Extract pixels", ImagePixelExtractingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms.Image;

/// <summary>Turns images of one size into vectors.</summary>
public sealed class ImagePixelExtractingEstimator : TrivialEstimator<ImagePixelExtractingTransformer>
{
    private readonly InputOutputColumnPair[] _columns;

    internal ImagePixelExtractingEstimator(InputOutputColumnPair[] columns, ColorPlanes planes, float offset, float scale, bool asSingle)
        : base(new ImagePixelExtractingTransformer(columns, planes, offset, scale, asSingle))
    {
        _columns = columns;
    }

    /// <summary>The channels of an image.</summary>
    [Flags]
    public enum ColorBits : byte
    {
        Alpha = 1,
        Red = 2,
        Green = 4,
        Blue = 8,
        Rgb = Red | Green | Blue,
        All = Alpha | Red | Green | Blue,
    }

    /// <summary>The order of the channels in a vector.</summary>
    public enum ColorsOrder : byte
    {
        ARGB = 1,
        ARBG = 2,
        ABRG = 3,
        ABGR = 4,
        AGRB = 5,
        AGBR = 6,
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return inputSchema.With(_columns.Select(pair =>
        {
            ImageColumn.Require(inputSchema, pair.InputColumnName);
            return new SchemaShape.Column(pair.OutputColumnName, SchemaShape.Column.VectorKind.Vector, Transformer.ItemType, isKey: false);
        }));
    }
}

/// <summary>Adds vectors of (channel - offset) scale.</summary>
public sealed class ImagePixelExtractingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "ExtractPixels";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBIMGPX");

    private readonly ColorPlanes _planes;
    private readonly float _offset;
    private readonly float _scale;
    private readonly bool _asSingle;

    internal ImagePixelExtractingTransformer(InputOutputColumnPair[] columns, ColorPlanes planes, float offset, float scale, bool asSingle)
        : base(columns)
    {
        // Bytes are never scaled.
        _planes = planes;
        _offset = asSingle ? offset : 0;
        _scale = asSingle ? scale : 1;
        _asSingle = asSingle;
        if (!float.IsFinite(_offset) || !float.IsFinite(_scale) || _scale == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(scale), $"Offset {offset} and scale {scale} must be finite, and the scale not 0.");
        }
    }

    private ImagePixelExtractingTransformer(BinaryReader reader)
        : base(reader)
    {
        _planes = ColorPlanes.Read(reader);
        _offset = reader.ReadSingle();
        _scale = reader.ReadSingle();
        _asSingle = reader.ReadBoolean();
    }

    internal NumberDataViewType ItemType => _asSingle ? NumberDataViewType.Single : NumberDataViewType.Byte;

    private protected override TransformerFormat Format => OwnFormat;

    private protected override OneToOneColumn BindColumn(int pair, DataViewSchema.Column input)
    {
        ImageDataViewType image = ImageColumn.RequireType(input);
        if (image.Height == 0 || image.Width == 0)
        {
            throw SchemaMismatch.WrongType("inputSchema", "input", input.Name, "known-size image", "unknown-size image");
        }

        VectorDataViewType type = _planes.VectorType(ItemType, image.Height, image.Width);
        return new OneToOneColumn(input, ColumnPairs[pair].OutputColumnName, type, null, row => _asSingle
            ? MakeGetter(row, input, image, channel => (channel - _offset) * _scale)
            : MakeGetter(row, input, image, channel => channel));
    }

    private protected override void Write(BinaryWriter writer)
    {
        base.Write(writer);
        _planes.Write(writer);
        writer.Write(_offset);
        writer.Write(_scale);
        writer.Write(_asSingle);
    }

    private static ImagePixelExtractingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(OwnFormat.Open(ctx));

    private ValueGetter<VBuffer<T>> MakeGetter<T>(DataViewRow row, DataViewSchema.Column input, ImageDataViewType type, Func<byte, T> convert)
        where T : INumberBase<T>
    {
        ValueGetter<MLImage> getImage = row.GetGetter<MLImage>(input);
        T[] converted = [.. Enumerable.Range(0, 256).Select(channel => convert((byte)channel))];
        int pixelCount = type.Height * type.Width;
        int length = pixelCount * _planes.Channels.Length;
        return (ref VBuffer<T> value) =>
        {
            MLImage image = null;
            getImage(ref image);
            if (image is null)
            {
                value = VBufferEditor.Create(ref value, length, valuesCount: 0).Commit();
                return;
            }

            if (image.Height != type.Height || image.Width != type.Width)
            {
                throw new InvalidOperationException($"Column '{input.Name}' has images of {type.Height} x {type.Width}, but this one has {image.Height} x {image.Width}.");
            }

            ReadOnlySpan<byte> pixels = image.Pixels;
            VBufferEditor<T> editor = VBufferEditor.Create(ref value, length);
            for (int channel = 0; channel < _planes.Channels.Length; channel++)
            {
                int place = ColorPlanes.ByteOf(_planes.Channels[channel], image.Channels);
                for (int pixel = 0; pixel < pixelCount; pixel++)
                {
                    editor.Values[_planes.IndexOf(channel, pixel, pixelCount)] = converted[pixels[(4 * pixel) + place]];
                }
            }

            value = editor.Commit();
        };
    }
}
