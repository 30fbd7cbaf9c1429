namespace Microsoft.ML.Data;

/// <summary>The base of transformers that add columns computed from the same row.</summary>
public abstract class RowToRowTransformerBase : ITransformer
{
    private protected RowToRowTransformerBase()
    {
    }

    bool ITransformer.IsRowToRowMapper => true;

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
        ctx.SetVersionInfo(Format.Version);
        Write(ctx.Writer);
    }

    private protected abstract TransformerFormat Format { get; }

    /// <summary>Binds the computation to the columns of a schema.</summary>
    private protected abstract ColumnComputation Bind(DataViewSchema inputSchema);

    private protected abstract void Write(BinaryWriter writer);

    private ColumnMapper MakeMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return ColumnMapper.Append(inputSchema, Bind(inputSchema));
    }
}
