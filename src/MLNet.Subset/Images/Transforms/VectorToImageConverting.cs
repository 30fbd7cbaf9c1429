using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

[assembly: LoadableClass(
    typeof(VectorToImageConvertingTransformer), null, typeof(SignatureLoadModel), "Vectors to images", VectorToImageConvertingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms.Image;

/// <summary>Turns vectors into images.</summary>
public sealed class VectorToImageConvertingEstimator : TrivialEstimator<VectorToImageConvertingTransformer>
{
    private readonly InputOutputColumnPair[] _columns;

    internal VectorToImageConvertingEstimator(InputOutputColumnPair[] columns, VectorToImageConvertingTransformer transformer)
        : base(transformer)
    {
        _columns = columns;
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return inputSchema.With(_columns.Select(pair =>
        {
            SchemaShape.Column input = inputSchema.RequireColumn(pair.InputColumnName);
            bool isKnown = input.ItemType.RawType == typeof(float) || input.ItemType.RawType == typeof(double) || input.ItemType.RawType == typeof(byte);
            return isKnown && input.Kind == SchemaShape.Column.VectorKind.Vector
                ? new SchemaShape.Column(pair.OutputColumnName, Transformer.OutputType)
                : throw SchemaMismatch.WrongType(nameof(inputSchema), "input", input.Name, "vector of known size of Single, Double or Byte", input.TypeDescription);
        }));
    }
}

/// <summary>Adds images whose channels are item scale - offset, rounded; or the items as they are, cut to whole numbers.</summary>
public sealed class VectorToImageConvertingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "VectorsToImages";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBVECIM");

    private readonly ColorPlanes _planes;
    private readonly float _scale;
    private readonly float _offset;
    private readonly byte[] _defaultBgra;

    /// <param name="columns">The names.</param>
    /// <param name="outputType">The size of the images.</param>
    /// <param name="planes">Where the channels lie in the vector.</param>
    /// <param name="scale">What items are multiplied by.</param>
    /// <param name="offset">What is then subtracted.</param>
    /// <param name="defaultBgra">The channels that the vector does not have.</param>
    internal VectorToImageConvertingTransformer(
        InputOutputColumnPair[] columns, ImageDataViewType outputType, ColorPlanes planes, float scale, float offset, byte[] defaultBgra)
        : base(columns)
    {
        if (!float.IsFinite(offset) || !float.IsFinite(scale) || scale == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(scale), $"Offset {offset} and scale {scale} must be finite, and the scale not 0.");
        }

        OutputType = outputType;
        _planes = planes;
        _scale = scale;
        _offset = offset;
        _defaultBgra = defaultBgra;
    }

    private VectorToImageConvertingTransformer(BinaryReader reader)
        : base(reader)
    {
        OutputType = (ImageDataViewType)DataViewTypeFormat.Read(reader);
        _planes = ColorPlanes.Read(reader);
        _scale = reader.ReadSingle();
        _offset = reader.ReadSingle();
        _defaultBgra = reader.ReadBytes(4);
    }

    internal ImageDataViewType OutputType { get; }

    private protected override TransformerFormat Format => OwnFormat;

    private protected override OneToOneColumn BindColumn(int pair, DataViewSchema.Column input)
    {
        int length = OutputType.Height * OutputType.Width * _planes.Channels.Length;
        Delegate toSingle = input.Type is VectorDataViewType vector && vector.Size == length
            ? ItemConversion.FindOrNull(vector.ItemType.RawType, typeof(float))
            : null;
        if (toSingle is null)
        {
            throw SchemaMismatch.WrongType(
                "inputSchema", "input", input.Name, $"vector of {length} numbers for an {OutputType}", input.Type.ToString());
        }

        return new OneToOneColumn(input, ColumnPairs[pair].OutputColumnName, OutputType, null, row
            => TypeArgument.Close(MakeGetter<float>, input.Type.ItemTypeOrSelf.RawType)(row, input, toSingle));
    }

    private protected override void Write(BinaryWriter writer)
    {
        base.Write(writer);
        DataViewTypeFormat.Write(writer, OutputType);
        _planes.Write(writer);
        writer.Write(_scale);
        writer.Write(_offset);
        writer.Write(_defaultBgra);
    }

    private static VectorToImageConvertingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(OwnFormat.Open(ctx));

    private Delegate MakeGetter<T>(DataViewRow row, DataViewSchema.Column input, Delegate toSingle)
    {
        var getItems = (ValueGetter<VBuffer<float>>)ItemMap.MakeGetter(row, input, (Func<T, float>)toSingle);
        VBuffer<float> buffer = default;
        var items = new float[((VectorDataViewType)input.Type).Size];
        return (ValueGetter<MLImage>)((ref MLImage value) =>
        {
            getItems(ref buffer);
            buffer.CopyTo(items);
            value = ToImage(items);
        });
    }

    private MLImage ToImage(float[] items)
    {
        ChannelOrder order = ChannelOrder.Of(MLPixelFormat.Bgra32);
        int pixelCount = OutputType.Height * OutputType.Width;
        bool isScaled = _scale != 1 || _offset != 0;
        var pixels = new byte[4 * pixelCount];
        for (int pixel = 0; pixel < pixelCount; pixel++)
        {
            _defaultBgra.CopyTo(pixels, 4 * pixel);
        }

        for (int channel = 0; channel < _planes.Channels.Length; channel++)
        {
            int place = ColorPlanes.ByteOf(_planes.Channels[channel], order);
            for (int pixel = 0; pixel < pixelCount; pixel++)
            {
                float item = items[_planes.IndexOf(channel, pixel, pixelCount)];
                float level = isScaled ? MathF.Round((item * _scale) - _offset) : item;
                pixels[(4 * pixel) + place] = (byte)Math.Clamp(level, 0, 255);
            }
        }

        return new MLImage(OutputType.Width, OutputType.Height, MLPixelFormat.Bgra32, pixels) { Tag = nameof(VectorToImageConvertingTransformer) };
    }
}
