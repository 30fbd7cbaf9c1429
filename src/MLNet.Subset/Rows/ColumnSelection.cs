namespace Microsoft.ML.Data;

/// <summary>Which columns of a schema are active on a row.</summary>
internal sealed class ColumnSelection
{
    private readonly DataViewSchema _schema;
    private readonly bool[] _active;

    public ColumnSelection(DataViewSchema schema, IEnumerable<DataViewSchema.Column> columns)
    {
        _schema = schema;
        _active = new bool[schema.Count];
        foreach (DataViewSchema.Column column in columns)
        {
            RequireInSchema(column);
            _active[column.Index] = true;
        }
    }

    public IEnumerable<DataViewSchema.Column> Columns => _schema.Where(column => _active[column.Index]);

    public bool Contains(int columnIndex) => _active[columnIndex];

    public bool Contains(DataViewSchema.Column column)
    {
        RequireInSchema(column);
        return _active[column.Index];
    }

    public void RequireActive(DataViewSchema.Column column)
    {
        if (!Contains(column))
        {
            throw new ArgumentOutOfRangeException(nameof(column), $"Column '{column.Name}' is not active on this row: ask for it when the cursor is opened.");
        }
    }

    /// <summary>The getter of an active column as the type asked for.</summary>
    public ValueGetter<TValue> Typed<TValue>(Delegate getter, DataViewSchema.Column column)
        => getter as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"Column '{column.Name}' holds {_schema[column.Index].Type}, not {typeof(TValue)}.");

    private void RequireInSchema(DataViewSchema.Column column)
    {
        if ((uint)column.Index >= (uint)_active.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(column), $"Column '{column.Name}' at {column.Index} is not in this schema of {_active.Length} columns.");
        }
    }
}
