namespace Microsoft.ML.Data;

/// <summary>Schemas with their annotations as bytes.</summary>
internal static class SchemaFormat
{
    public static void Write(BinaryWriter writer, IReadOnlyCollection<DataViewSchema.Column> columns)
    {
        writer.Write(columns.Count);
        foreach (DataViewSchema.Column column in columns)
        {
            writer.Write(column.Name);
            DataViewTypeFormat.Write(writer, column.Type);
            WriteAnnotations(writer, column.Annotations);
        }
    }

    public static DataViewSchema Read(BinaryReader reader)
    {
        var builder = new DataViewSchema.Builder();
        int count = reader.ReadInt32();
        for (int i = 0; i < count; i++)
        {
            builder.AddColumn(reader.ReadString(), DataViewTypeFormat.Read(reader), ReadAnnotations(reader));
        }

        return builder.ToSchema();
    }

    public static void WriteAnnotations(BinaryWriter writer, DataViewSchema.Annotations annotations)
    {
        writer.Write(annotations.Schema.Count);
        foreach (DataViewSchema.Column annotation in annotations.Schema)
        {
            writer.Write(annotation.Name);
            DataViewTypeFormat.Write(writer, annotation.Type);
            TypeArgument.Close(WriteValue<int>, annotation.Type.RawType)(writer, annotations, annotation);
        }
    }

    public static DataViewSchema.Annotations ReadAnnotations(BinaryReader reader)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        int count = reader.ReadInt32();
        for (int i = 0; i < count; i++)
        {
            string name = reader.ReadString();
            DataViewType type = DataViewTypeFormat.Read(reader);
            builder.Add(name, type, TypeArgument.Close(ReadConstant<int>, type.RawType)(reader));
        }

        return builder.ToAnnotations();
    }

    private static void WriteValue<T>(BinaryWriter writer, DataViewSchema.Annotations annotations, DataViewSchema.Column annotation)
    {
        T value = default;
        annotations.GetGetter<T>(annotation)(ref value);
        ValueFormat.For<T>().Write(writer, value);
    }

    private static Delegate ReadConstant<T>(BinaryReader reader)
        => ConstantGetter.Of(ValueFormat.For<T>().Read(reader));
}
