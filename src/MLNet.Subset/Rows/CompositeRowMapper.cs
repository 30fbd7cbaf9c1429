namespace Microsoft.ML.Data;

/// <summary>Several row mappers, one after the other.</summary>
internal sealed class CompositeRowMapper(DataViewSchema inputSchema, IRowToRowMapper[] mappers) : IRowToRowMapper
{
    public DataViewSchema InputSchema => inputSchema;

    public DataViewSchema OutputSchema => mappers.Length > 0 ? mappers[^1].OutputSchema : inputSchema;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
        => mappers.Reverse().Aggregate(dependingColumns, (needed, mapper) => mapper.GetDependencies(needed));

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        if (mappers.Length == 0)
        {
            return ColumnMapper.Select(inputSchema, Enumerable.Range(0, inputSchema.Count)).GetRow(input, activeColumns);
        }

        var active = new IEnumerable<DataViewSchema.Column>[mappers.Length];
        active[^1] = activeColumns;
        for (int i = mappers.Length - 1; i > 0; i--)
        {
            active[i - 1] = mappers[i].GetDependencies(active[i]).ToArray();
        }

        DataViewRow row = input;
        for (int i = 0; i < mappers.Length; i++)
        {
            row = mappers[i].GetRow(row, active[i]);
        }

        return row;
    }
}
