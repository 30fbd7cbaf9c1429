using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>Writes the current value of a column; a buffer passed in may be reused for it.</summary>
public delegate void ValueGetter<TValue>(ref TValue value);

/// <summary>One row: getters for its active columns.</summary>
public abstract class DataViewRow : IDisposable
{
    protected DataViewRow()
    {
    }

    /// <summary>The running number of the row; -1 before the first one of a cursor.</summary>
    public abstract long Position { get; }

    /// <summary>Rows of a cursor set come in batches whose numbers tell the original order.</summary>
    public abstract long Batch { get; }

    public abstract DataViewSchema Schema { get; }

    /// <summary>A getter of the identity of the row, which outlives shuffling and filtering.</summary>
    public abstract ValueGetter<DataViewRowId> GetIdGetter();

    public abstract bool IsColumnActive(DataViewSchema.Column column);

    /// <summary>A getter for an active column; it throws for an inactive one or for another value type.</summary>
    public abstract ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>A row that can be moved forward over the data.</summary>
public abstract class DataViewRowCursor : DataViewRow
{
    protected DataViewRowCursor()
    {
    }

    /// <summary>Goes to the next row; false after the last one.</summary>
    public abstract bool MoveNext();
}
