namespace Microsoft.ML.Data;

/// <summary>
/// The rows of another data view that meet a condition, in its order. Conditions may depend on positions,
/// so the source is never shuffled; shuffle the result instead.
/// </summary>
internal sealed class FilteredDataView(
    IDataView source, IReadOnlyCollection<DataViewSchema.Column> conditionColumns, Func<DataViewRow, Func<bool>> makeCondition) : IDataView
{
    public bool CanShuffle => false;

    public DataViewSchema Schema => source.Schema;

    public long? GetRowCount() => null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        DataViewSchema.Column[] active = [.. columnsNeeded];
        DataViewRowCursor cursor = source.GetRowCursor(active.Concat(conditionColumns).DistinctBy(column => column.Index));
        return new FilteringCursor(cursor, active, makeCondition(cursor));
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
        => [GetRowCursor(columnsNeeded, rand)];
}
