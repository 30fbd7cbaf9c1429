using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(
    typeof(ColumnCopyingTransformer), null, typeof(SignatureLoadModel), "Copy columns", ColumnCopyingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms;

/// <summary>Gives columns a second name.</summary>
public sealed class ColumnCopyingEstimator : TrivialEstimator<ColumnCopyingTransformer>
{
    private readonly InputOutputColumnPair[] _columns;

    internal ColumnCopyingEstimator(InputOutputColumnPair[] columns)
        : base(new ColumnCopyingTransformer(columns))
    {
        _columns = columns;
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return inputSchema.With(_columns.Select(pair =>
        {
            SchemaShape.Column input = inputSchema.RequireColumn(pair.InputColumnName);
            return new SchemaShape.Column(pair.OutputColumnName, input.Kind, input.ItemType, input.IsKey, input.Annotations);
        }));
    }
}

/// <summary>Adds copies of columns, annotations included.</summary>
public sealed class ColumnCopyingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "CopyColumns";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBCOPYC");

    internal ColumnCopyingTransformer(InputOutputColumnPair[] columns)
        : base(columns)
    {
    }

    private ColumnCopyingTransformer(BinaryReader reader)
        : base(reader)
    {
    }

    private protected override TransformerFormat Format => OwnFormat;

    private protected override OneToOneColumn BindColumn(int pair, DataViewSchema.Column input)
        => new(
            input,
            ColumnPairs[pair].OutputColumnName,
            input.Type,
            input.Annotations,
            row => TypeArgument.Close(GetGetter<int>, input.Type.RawType)(row, input));

    private static Delegate GetGetter<T>(DataViewRow row, DataViewSchema.Column input) => row.GetGetter<T>(input);

    private static ColumnCopyingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(OwnFormat.Open(ctx));
}
