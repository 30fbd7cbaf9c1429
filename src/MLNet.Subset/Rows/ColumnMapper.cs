namespace Microsoft.ML.Data;

/// <summary>
/// Maps rows to rows whose columns are each either passed through from the input or computed by a <see cref="ColumnComputation"/>.
/// </summary>
internal sealed class ColumnMapper : IRowToRowMapper
{
    private readonly ColumnComputation _computation;

    // For each output column the index of the input column it passes through, or the complement of the computed one.
    private readonly int[] _sources;

    private ColumnMapper(DataViewSchema inputSchema, DataViewSchema outputSchema, int[] sources, ColumnComputation computation)
    {
        InputSchema = inputSchema;
        OutputSchema = outputSchema;
        _sources = sources;
        _computation = computation;
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    /// <summary>
    /// All input columns and the computed ones: one that has the name of an input column follows and hides it, the others come last.
    /// </summary>
    public static ColumnMapper Append(DataViewSchema inputSchema, ColumnComputation computation)
    {
        ILookup<string, int> computedByName = Enumerable.Range(0, computation.OutputColumns.Length)
            .ToLookup(index => computation.OutputColumns[index].Name, index => ~index);
        IEnumerable<int> inputs = inputSchema.SelectMany(column
            => column.IsHidden ? [column.Index] : computedByName[column.Name].Prepend(column.Index));
        IEnumerable<int> added = computedByName.Where(group => inputSchema.GetColumnOrNull(group.Key) is null).SelectMany(group => group);
        int[] sources = [.. inputs, .. added.OrderDescending()];
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(sources.Select(source => source >= 0 ? new DataViewSchema.DetachedColumn(inputSchema[source]) : computation.OutputColumns[~source]));
        return new ColumnMapper(inputSchema, builder.ToSchema(), sources, computation);
    }

    /// <summary>Some of the input columns, in the given order.</summary>
    public static ColumnMapper Select(DataViewSchema inputSchema, IEnumerable<int> columns)
    {
        int[] sources = [.. columns];
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(sources.Select(index => inputSchema[index]));
        return new ColumnMapper(inputSchema, builder.ToSchema(), sources, computation: null);
    }

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var needed = new bool[InputSchema.Count];
        foreach (DataViewSchema.Column column in dependingColumns)
        {
            if (PassedThrough(column.Index) is DataViewSchema.Column passedThrough)
            {
                needed[passedThrough.Index] = true;
                continue;
            }

            foreach (int input in _computation.InputsOf(ComputedIndex(column.Index)))
            {
                needed[input] = true;
            }
        }

        return InputSchema.Where(column => needed[column.Index]);
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
        => new MappedRow(input, this, activeColumns);

    public DataViewSchema.Column? PassedThrough(int outputColumn)
        => _sources[outputColumn] >= 0 ? InputSchema[_sources[outputColumn]] : null;

    public int ComputedIndex(int outputColumn) => ~_sources[outputColumn];

    /// <summary>The getters of the computed columns that are active.</summary>
    public Delegate[] MakeGetters(DataViewRow input, ColumnSelection active)
    {
        if (_computation is null)
        {
            return [];
        }

        var activeComputed = new bool[_computation.OutputColumns.Length];
        for (int column = 0; column < _sources.Length; column++)
        {
            if (_sources[column] < 0)
            {
                activeComputed[ComputedIndex(column)] = active.Contains(column);
            }
        }

        return activeComputed.Contains(true) ? _computation.MakeGetters(input, activeComputed) : new Delegate[activeComputed.Length];
    }
}
