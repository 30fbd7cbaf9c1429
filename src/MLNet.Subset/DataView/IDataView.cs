namespace Microsoft.ML;

/// <summary>A lazy table: a schema, and cursors that compute the columns asked for, row by row.</summary>
public interface IDataView
{
    /// <summary>Whether cursors honour a random generator.</summary>
    bool CanShuffle { get; }

    /// <summary>The number of rows where it is known without a pass over the data.</summary>
    long? GetRowCount();

    DataViewSchema Schema { get; }

    /// <summary>Opens a cursor on which the columns asked for are active; rows come shuffled only if a generator is given.</summary>
    DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null);

    /// <summary>Opens up to <paramref name="n"/> cursors that together visit each row once and may run in parallel.</summary>
    DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null);
}
