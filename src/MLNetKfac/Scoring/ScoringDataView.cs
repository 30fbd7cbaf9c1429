using Microsoft.ML;

namespace MLNetKfac.Scoring;

/// <summary>Rows with their classification, computed as a cursor goes over them, and only if it asks for it.</summary>
internal sealed class ScoringDataView(ScoringSchema schema, IDataView input) : IDataView
{
    public bool CanShuffle => input.CanShuffle;

    public DataViewSchema Schema => schema.Output;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        ActiveColumns active = schema.Activate(columnsNeeded);
        return Wrap(input.GetRowCursor(Dependencies(active), rand), active, Environment.ProcessorCount);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        ActiveColumns active = schema.Activate(columnsNeeded);
        DataViewRowCursor[] cursors = input.GetRowCursorSet(Dependencies(active), n, rand);
        return Array.ConvertAll(cursors, cursor => Wrap(cursor, active, Math.Max(1, Environment.ProcessorCount / cursors.Length)));
    }

    private IEnumerable<DataViewSchema.Column> Dependencies(ActiveColumns active) => schema.GetDependencies(schema.Output.Where(active.Contains));

    private DataViewRowCursor Wrap(DataViewRowCursor cursor, ActiveColumns active, int threads) => active.NeedsModel
        ? new BatchingCursor(schema, active, cursor, threads)
        : new PassThroughCursor(schema, active, cursor);
}
