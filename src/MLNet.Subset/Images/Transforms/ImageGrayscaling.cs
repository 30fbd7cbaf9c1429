using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

[assembly: LoadableClass(
    typeof(ImageGrayscalingTransformer), null, typeof(SignatureLoadModel), "Grey images", ImageGrayscalingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms.Image;

/// <summary>Takes the colour out of images.</summary>
public sealed class ImageGrayscalingEstimator : TrivialEstimator<ImageGrayscalingTransformer>
{
    private readonly InputOutputColumnPair[] _columns;

    internal ImageGrayscalingEstimator(InputOutputColumnPair[] columns)
        : base(new ImageGrayscalingTransformer(columns))
    {
        _columns = columns;
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return inputSchema.With(_columns.Select(pair
            => new SchemaShape.Column(pair.OutputColumnName, ImageColumn.Require(inputSchema, pair.InputColumnName).ItemType)));
    }
}

/// <summary>Makes images grey.</summary>
public sealed class ImageGrayscalingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "GreyImages";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBIMGGR");

    internal ImageGrayscalingTransformer(InputOutputColumnPair[] columns)
        : base(columns)
    {
    }

    private ImageGrayscalingTransformer(BinaryReader reader)
        : base(reader)
    {
    }

    private protected override TransformerFormat Format => OwnFormat;

    private protected override OneToOneColumn BindColumn(int pair, DataViewSchema.Column input)
        => new(
            input,
            ColumnPairs[pair].OutputColumnName,
            ImageColumn.RequireType(input),
            null,
            row => ImageColumn.MakeGetter(row, input, ImageResampling.ToGrey));

    private static ImageGrayscalingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(OwnFormat.Open(ctx));
}
