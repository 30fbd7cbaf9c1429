using Microsoft.ML;

namespace MLNetKfac.Columns;

/// <summary>The complaint that a column is not there or is not what the trainer or its model takes.</summary>
internal static class ColumnMismatch
{
    public static ArgumentOutOfRangeException Create(string option, string columnName, string expected, string? actual) =>
        new("inputSchema", $"{option} '{columnName}': expected {expected}, but {(actual is null ? $"there is no such column{Hint(columnName)}" : $"the column is {actual}")}");

    /// <summary>The column of this name.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public static DataViewSchema.Column RequireColumn(this DataViewSchema schema, string option, string columnName, string expected) =>
        schema.GetColumnOrNull(columnName) ?? throw Create(option, columnName, expected, null);

    private static string Hint(string columnName) =>
        columnName == OptionNames.FolderImageColumn ? $": LoadImagesFromFolder makes it where {OptionNames.FolderImageSize} is set" : "";

    /// <summary>The index of a column that is of this schema.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is of another.</exception>
    public static int RequireOwn(this DataViewSchema schema, DataViewSchema.Column column) =>
        column.Index < schema.Count && schema[column.Index].Name == column.Name
            ? column.Index
            : throw new ArgumentOutOfRangeException(nameof(column), $"column '{column.Name}', number {column.Index}, is of another schema than this one of {schema.Count} columns: {string.Join(", ", schema.Select(own => own.Name))}");
}
