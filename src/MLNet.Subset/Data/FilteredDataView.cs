namespace Microsoft.ML.Data;

/// <summary>The rows of another data view that meet a condition on some of its columns.</summary>
internal sealed class FilteredDataView(
    IDataView source,
    bool canShuffle,
    IReadOnlyCollection<DataViewSchema.Column> conditionColumns,
    Func<DataViewRow, Func<bool>> makeCondition) : IDataView
{
    public bool CanShuffle => canShuffle;

    public DataViewSchema Schema => source.Schema;

    public long? GetRowCount() => null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        DataViewSchema.Column[] active = [.. columnsNeeded];
        return Filter(source.GetRowCursor(WithConditionColumns(active), canShuffle ? rand : null), active);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
    {
        DataViewSchema.Column[] active = [.. columnsNeeded];
        return [.. source.GetRowCursorSet(WithConditionColumns(active), n, canShuffle ? rand : null).Select(cursor => Filter(cursor, active))];
    }

    private IEnumerable<DataViewSchema.Column> WithConditionColumns(DataViewSchema.Column[] active)
        => active.Concat(conditionColumns).DistinctBy(column => column.Index);

    private Cursor Filter(DataViewRowCursor cursor, DataViewSchema.Column[] active) => new(cursor, active, makeCondition(cursor));

    private sealed class Cursor(DataViewRowCursor input, DataViewSchema.Column[] active, Func<bool> condition)
        : PassThroughCursor(input, active)
    {
        protected override bool Advance()
        {
            while (Input.MoveNext())
            {
                if (condition())
                {
                    return true;
                }
            }

            return false;
        }
    }
}
