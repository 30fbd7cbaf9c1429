namespace Microsoft.ML.Data;

/// <summary>Fills the members of row objects from the columns of a schema; knows which columns that takes.</summary>
internal sealed class RowFiller<TRow>
    where TRow : class
{
    private readonly (RowMember Member, DataViewSchema.Column Column)[] _bindings;

    public RowFiller(DataViewSchema schema, bool ignoreMissingColumns, SchemaDefinition definition)
    {
        var bindings = new List<(RowMember, DataViewSchema.Column)>();
        foreach (RowMember member in RowMember.Bind(typeof(TRow), SchemaDefinition.Direction.Write, definition))
        {
            if (schema.GetColumnOrNull(member.ColumnName) is not DataViewSchema.Column column)
            {
                if (ignoreMissingColumns)
                {
                    continue;
                }

                throw SchemaMismatch.Missing(nameof(schema), "output", member.ColumnName);
            }

            try
            {
                RowMember.RequireCompatible(member.MemberType, column.Type, $"Member '{member.Member.Name}'");
            }
            catch (ArgumentOutOfRangeException mismatch)
            {
                throw new InvalidOperationException($"Column '{column.Name}' cannot be read: {mismatch.Message}", mismatch);
            }

            bindings.Add((member, column));
        }

        _bindings = [.. bindings];
    }

    public IEnumerable<DataViewSchema.Column> Columns => _bindings.Select(binding => binding.Column);

    /// <summary>An action that copies the current values of <paramref name="row"/> into a row object.</summary>
    public Action<TRow> Attach(DataViewRow row)
    {
        Action<TRow>[] setters = [.. _bindings.Select(binding => MemberWriting.MakeSetter<TRow>(binding.Member, row, binding.Column))];
        return target =>
        {
            foreach (Action<TRow> setter in setters)
            {
                setter(target);
            }
        };
    }
}
