using System.Text;

namespace Microsoft.ML.Data;

/// <summary>
/// The binary format: a magic number, the schema, then for each row a byte 1 and its values in column order,
/// then a byte 0 and the number of rows.
/// </summary>
internal static class BinaryRows
{
    public const byte Row = 1;
    public const byte End = 0;

    /// <summary>How many bytes the number of rows takes at the end of the stream.</summary>
    public const int TrailerLength = sizeof(long);

    private const uint Magic = 0x31444D53; // "SMD1"

    public static void Write(IDataView data, IReadOnlyCollection<DataViewSchema.Column> columns, Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(Magic);
        SchemaFormat.Write(writer, columns);
        using DataViewRowCursor cursor = data.GetRowCursor(columns);
        Action[] writeValues = [.. columns.Select(column
            => TypeArgument.Close(MakeValueWriter<int>, column.Type.RawType)(writer, cursor, column))];
        long rows = 0;
        while (cursor.MoveNext())
        {
            writer.Write(Row);
            foreach (Action writeValue in writeValues)
            {
                writeValue();
            }

            rows++;
        }

        writer.Write(End);
        writer.Write(rows);
    }

    public static DataViewSchema ReadSchema(BinaryReader reader)
        => reader.ReadUInt32() == Magic
            ? SchemaFormat.Read(reader)
            : throw new FormatException("Not binary data that this stand-in for ML.NET has written; files of ML.NET itself need the Microsoft.ML package.");

    private static Action MakeValueWriter<T>(BinaryWriter writer, DataViewRow row, DataViewSchema.Column column)
    {
        Action<BinaryWriter, T> write = ValueFormat.For<T>().Write;
        ValueGetter<T> getter = row.GetGetter<T>(column);
        T value = default;
        return () =>
        {
            getter(ref value);
            write(writer, value);
        };
    }
}
