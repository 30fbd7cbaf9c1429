using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Writes and reads data views in a binary format of this assembly's own.</summary>
public static class BinaryLoaderSaverCatalog
{
    /// <summary>Writes all rows; columns that cannot be written, such as images, are left out with a warning.</summary>
    public static void SaveAsBinary(this DataOperationsCatalog catalog, IDataView data, Stream stream, bool keepHidden = false)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(stream);
        using IChannel channel = catalog.Environment.Start("SaveAsBinary");
        var columns = new List<DataViewSchema.Column>();
        foreach (DataViewSchema.Column column in data.Schema.Where(column => keepHidden || !column.IsHidden))
        {
            if (ValueFormat.Supports(column.Type))
            {
                columns.Add(column);
            }
            else
            {
                channel.Warning(MessageSensitivity.Schema, "Column '{0}' of type {1} is not saved.", column.Name, column.Type);
            }
        }

        BinaryRows.Write(data, columns, stream);
    }

    public static IDataView LoadFromBinary(this DataOperationsCatalog catalog, IMultiStreamSource fileSource)
    {
        ArgumentNullException.ThrowIfNull(fileSource);
        if (fileSource.Count != 1)
        {
            throw new ArgumentOutOfRangeException(nameof(fileSource), fileSource.Count, "Binary data lies in one file.");
        }

        return new BinaryDataView(() => fileSource.Open(0));
    }

    public static IDataView LoadFromBinary(this DataOperationsCatalog catalog, string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new ArgumentOutOfRangeException(nameof(path), $"There is no file {path}.");
        }

        return catalog.LoadFromBinary(new MultiFileSource(path));
    }
}
