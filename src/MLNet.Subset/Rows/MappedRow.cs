namespace Microsoft.ML.Data;

/// <summary>A row whose columns are those of an input row, or computed from it.</summary>
internal sealed class MappedRow : DataViewRow
{
    private readonly DataViewRow _input;
    private readonly ColumnMapper _mapper;
    private readonly ColumnSelection _selection;
    private readonly Delegate[] _computed;

    public MappedRow(DataViewRow input, ColumnMapper mapper, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        _input = input;
        _mapper = mapper;
        _selection = new ColumnSelection(mapper.OutputSchema, activeColumns);
        _computed = mapper.MakeGetters(input, _selection);
    }

    public override long Position => _input.Position;

    public override long Batch => _input.Batch;

    public override DataViewSchema Schema => _mapper.OutputSchema;

    public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => _selection.Contains(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        _selection.RequireActive(column);
        return _mapper.PassedThrough(column.Index) is DataViewSchema.Column inputColumn
            ? _input.GetGetter<TValue>(inputColumn)
            : _selection.Typed<TValue>(_computed[_mapper.ComputedIndex(column.Index)], column);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _input.Dispose();
        }

        base.Dispose(disposing);
    }
}
