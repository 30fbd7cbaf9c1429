using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(
    typeof(ColumnSelectingTransformer), null, typeof(SignatureLoadModel), "Select columns", ColumnSelectingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms;

/// <summary>Keeps the columns named, or all but the columns named.</summary>
public sealed class ColumnSelectingEstimator : TrivialEstimator<ColumnSelectingTransformer>
{
    internal ColumnSelectingEstimator(ColumnSelectingTransformer transformer)
        : base(transformer)
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        foreach (string name in Transformer.ColumnNames)
        {
            inputSchema.RequireColumn(name);
        }

        return new SchemaShape(inputSchema.Where(column => Transformer.Keeps(column.Name)));
    }
}

/// <summary>Removes columns from the schema.</summary>
public sealed class ColumnSelectingTransformer : ITransformer
{
    internal const string LoaderSignature = "SelectColumns";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBSELEC");

    private readonly bool _drop;
    private readonly bool _keepHidden;

    /// <param name="columnNames">The columns to keep, or to drop.</param>
    /// <param name="drop">Whether they are to be dropped.</param>
    /// <param name="keepHidden">Whether hidden columns can be kept too, by their name.</param>
    internal ColumnSelectingTransformer(string[] columnNames, bool drop, bool keepHidden)
    {
        ArgumentNullException.ThrowIfNull(columnNames);
        ColumnNames = columnNames;
        _drop = drop;
        _keepHidden = keepHidden;
    }

    bool ITransformer.IsRowToRowMapper => true;

    internal string[] ColumnNames { get; }

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => MakeMapper(inputSchema).OutputSchema;

    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new MappedDataView(input, MakeMapper(input.Schema));
    }

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => MakeMapper(inputSchema);

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        ctx.CheckAtModel();
        ctx.SetVersionInfo(OwnFormat.Version);
        ctx.Writer.Write(_drop);
        ctx.Writer.Write(_keepHidden);
        ctx.Writer.Write(ColumnNames.Length);
        foreach (string name in ColumnNames)
        {
            ctx.Writer.Write(name);
        }
    }

    internal bool Keeps(string columnName) => ColumnNames.Contains(columnName) != _drop;

    private static ColumnSelectingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        BinaryReader reader = OwnFormat.Open(ctx);
        bool drop = reader.ReadBoolean();
        bool keepHidden = reader.ReadBoolean();
        var columnNames = new string[reader.ReadInt32()];
        for (int i = 0; i < columnNames.Length; i++)
        {
            columnNames[i] = reader.ReadString();
        }

        return new ColumnSelectingTransformer(columnNames, drop, keepHidden);
    }

    private ColumnMapper MakeMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        foreach (string name in ColumnNames)
        {
            inputSchema.RequireColumn(name);
        }

        // Columns to keep come in the order they are named; the rest of a drop stays in place.
        IEnumerable<DataViewSchema.Column> kept = _drop
            ? inputSchema.Where(column => Keeps(column.Name))
            : ColumnNames.SelectMany(name => inputSchema.Where(column => column.Name == name));
        return ColumnMapper.Select(inputSchema, kept.Where(column => _keepHidden || !column.IsHidden).Select(column => column.Index));
    }
}
