using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>The errors for columns that are missing or have the wrong type; they name column, expected and actual type.</summary>
internal static class SchemaMismatch
{
    public static ArgumentOutOfRangeException Missing(string parameter, string role, string columnName)
        => new(parameter, $"Could not find {role} column '{columnName}'");

    public static ArgumentOutOfRangeException WrongType(string parameter, string role, string columnName, string expected, string actual)
        => new(parameter, $"Schema mismatch for {role} column '{columnName}': expected {expected}, got {actual}");

    public static DataViewSchema.Column RequireColumn(this DataViewSchema schema, string name, string role = "input")
        => schema.GetColumnOrNull(name) ?? throw Missing("inputSchema", role, name);

    public static DataViewSchema.Column RequireColumn<TType>(this DataViewSchema schema, string name, string expected, string role = "input")
        where TType : DataViewType
    {
        DataViewSchema.Column column = schema.RequireColumn(name, role);
        return column.Type is TType ? column : throw WrongType("inputSchema", role, name, expected, column.Type.ToString());
    }
}
