namespace Microsoft.ML.Data;

/// <summary>A run of rows of another data view, in its order.</summary>
internal sealed class RowRangeDataView(IDataView source, long skip, long take) : IDataView
{
    public bool CanShuffle => false;

    public DataViewSchema Schema => source.Schema;

    public long? GetRowCount() => source.GetRowCount() is long rows ? Math.Clamp(rows - skip, 0, take) : null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random rand = null)
    {
        DataViewSchema.Column[] active = [.. columnsNeeded];
        return new Cursor(source.GetRowCursor(active), active, skip, take);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random rand = null)
        => [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor(DataViewRowCursor input, DataViewSchema.Column[] active, long skip, long take)
        : PassThroughCursor(input, active)
    {
        private long _left = take;
        private bool _skipped;

        protected override bool Advance()
        {
            if (!_skipped)
            {
                _skipped = true;
                for (long row = 0; row < skip; row++)
                {
                    if (!Input.MoveNext())
                    {
                        return false;
                    }
                }
            }

            // Rows after the last one taken are not even looked at.
            return _left-- > 0 && Input.MoveNext();
        }
    }
}
