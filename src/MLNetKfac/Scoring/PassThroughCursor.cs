using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Scoring;

/// <summary>The cursor for those who want nothing of the model: the input's, under the output's schema.</summary>
internal sealed class PassThroughCursor(ScoringSchema schema, ActiveColumns active, DataViewRowCursor input) : DataViewRowCursor
{
    public override DataViewSchema Schema => schema.Output;

    public override long Position => input.Position;

    public override long Batch => input.Batch;

    public override bool MoveNext() => input.MoveNext();

    public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column);

    public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        active.Require(column);
        return input.GetGetter<TValue>(schema.Input[column.Index]);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            input.Dispose();
        }

        base.Dispose(disposing);
    }
}
