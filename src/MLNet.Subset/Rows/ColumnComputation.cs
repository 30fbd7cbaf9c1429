namespace Microsoft.ML.Data;

/// <summary>Columns computed from the columns of a row.</summary>
internal abstract class ColumnComputation
{
    public abstract DataViewSchema.DetachedColumn[] OutputColumns { get; }

    /// <summary>The indices of the input columns that an output column is computed from.</summary>
    public abstract IEnumerable<int> InputsOf(int output);

    /// <summary>The getters of the active outputs; null for the others.</summary>
    public abstract Delegate[] MakeGetters(DataViewRow input, bool[] active);
}
