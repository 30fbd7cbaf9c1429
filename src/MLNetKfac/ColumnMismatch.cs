using Microsoft.ML;

namespace MLNetKfac;

/// <summary>The complaint that a column is not there or is not what the trainer or its model takes.</summary>
internal static class ColumnMismatch
{
    public static ArgumentOutOfRangeException Create(string option, string columnName, string expected, string? actual) =>
        new("inputSchema", $"{option} '{columnName}': expected {expected}, but {(actual is null ? "there is no such column" : $"the column is {actual}")}");

    /// <summary>The column of this name.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public static DataViewSchema.Column RequireColumn(this DataViewSchema schema, string option, string columnName, string expected) =>
        schema.GetColumnOrNull(columnName) ?? throw Create(option, columnName, expected, null);
}
