using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

[assembly: LoadableClass(
    typeof(ImageResizingTransformer), null, typeof(SignatureLoadModel), "Resize images", ImageResizingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms.Image;

/// <summary>Gives images one size.</summary>
public sealed class ImageResizingEstimator : TrivialEstimator<ImageResizingTransformer>
{
    private readonly InputOutputColumnPair[] _columns;

    internal ImageResizingEstimator(InputOutputColumnPair[] columns, int imageWidth, int imageHeight, ResizingKind resizing, Anchor cropAnchor)
        : base(new ImageResizingTransformer(columns, new ImageDataViewType(imageHeight, imageWidth), resizing, cropAnchor))
    {
        _columns = columns;
    }

    /// <summary>How an image of other proportions is made to fit.</summary>
    public enum ResizingKind : byte
    {
        IsoPad = 0,
        IsoCrop = 1,
        Fill = 2,
    }

    /// <summary>Which side of a cropped image is kept.</summary>
    public enum Anchor : byte
    {
        Right = 0,
        Left = 1,
        Top = 2,
        Bottom = 3,
        Center = 4,
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return inputSchema.With(_columns.Select(pair =>
        {
            ImageColumn.Require(inputSchema, pair.InputColumnName);
            return new SchemaShape.Column(pair.OutputColumnName, Transformer.OutputType);
        }));
    }
}

/// <summary>Resizes images.</summary>
public sealed class ImageResizingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "ResizeImages";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBIMGRS");

    private readonly ImageResizingEstimator.ResizingKind _resizing;
    private readonly ImageResizingEstimator.Anchor _anchor;

    internal ImageResizingTransformer(
        InputOutputColumnPair[] columns,
        ImageDataViewType outputType,
        ImageResizingEstimator.ResizingKind resizing,
        ImageResizingEstimator.Anchor anchor)
        : base(columns)
    {
        OutputType = outputType;
        _resizing = resizing;
        _anchor = anchor;
    }

    private ImageResizingTransformer(BinaryReader reader)
        : base(reader)
    {
        OutputType = (ImageDataViewType)DataViewTypeFormat.Read(reader);
        _resizing = (ImageResizingEstimator.ResizingKind)reader.ReadByte();
        _anchor = (ImageResizingEstimator.Anchor)reader.ReadByte();
    }

    internal ImageDataViewType OutputType { get; }

    private protected override TransformerFormat Format => OwnFormat;

    private protected override OneToOneColumn BindColumn(int pair, DataViewSchema.Column input)
    {
        ImageColumn.RequireType(input);
        return new OneToOneColumn(input, ColumnPairs[pair].OutputColumnName, OutputType, null, row => ImageColumn.MakeGetter(
            row, input, image => ImageResampling.Resize(image, OutputType.Width, OutputType.Height, _resizing, _anchor)));
    }

    private protected override void Write(BinaryWriter writer)
    {
        base.Write(writer);
        DataViewTypeFormat.Write(writer, OutputType);
        writer.Write((byte)_resizing);
        writer.Write((byte)_anchor);
    }

    private static ImageResizingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(OwnFormat.Open(ctx));
}
