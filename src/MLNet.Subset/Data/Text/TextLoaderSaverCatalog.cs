using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>Reads text files.</summary>
public static class TextLoaderSaverCatalog
{
    /// <summary>A lazy view of the lines of a file, through the <see cref="LoadColumnAttribute"/>s of a class.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="path">The file.</param>
    /// <param name="separatorChar">What lies between fields.</param>
    /// <param name="hasHeader">Whether the first line names the fields; it is skipped.</param>
    /// <param name="allowQuoting">Whether a field may be in double quotes, and then contain separators and doubled quotes.</param>
    /// <param name="trimWhitespace">Whether white space at the end of lines is cut.</param>
    /// <param name="allowSparse">Whether the rest of a line may be a length and then index:value fields.</param>
    public static IDataView LoadFromTextFile<TInput>(
        this DataOperationsCatalog catalog,
        string path,
        char separatorChar = '\t',
        bool hasHeader = false,
        bool allowQuoting = false,
        bool trimWhitespace = false,
        bool allowSparse = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new ArgumentOutOfRangeException(nameof(path), $"There is no file {path}.");
        }

        var format = new TextLineFormat(separatorChar, allowQuoting, trimWhitespace, allowSparse);
        return new TextDataView(path, format, hasHeader, TextColumn.ColumnsOf(typeof(TInput)));
    }
}
