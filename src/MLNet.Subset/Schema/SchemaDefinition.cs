using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>How the members of a class map to columns; it may be changed before use.</summary>
public sealed class SchemaDefinition : List<SchemaDefinition.Column>
{
    private SchemaDefinition()
    {
    }

    /// <summary>The column of a name: null if there is none; setting adds or replaces it.</summary>
    public Column this[string columnName]
    {
        get => Find(column => column.ColumnName == columnName);
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.ColumnName != columnName)
            {
                throw new ArgumentOutOfRangeException(nameof(columnName), $"A column named '{value.ColumnName}' cannot be set as '{columnName}'.");
            }

            int index = FindIndex(column => column.ColumnName == columnName);
            if (index < 0)
            {
                Add(value);
            }
            else
            {
                this[index] = value;
            }
        }
    }

    /// <summary>The definition that the public fields and properties of a class and their attributes give.</summary>
    public static SchemaDefinition Create(Type userType, Direction direction = Direction.Both)
    {
        ArgumentNullException.ThrowIfNull(userType);
        var definition = new SchemaDefinition();
        foreach (MemberInfo member in RowMember.ColumnMembers(userType, direction))
        {
            string name = member.GetCustomAttribute<ColumnNameAttribute>()?.Name ?? member.Name;
            if (definition[name] is not null)
            {
                throw new ArgumentOutOfRangeException(nameof(userType), $"Two members of {userType.Name} map to the column '{name}'.");
            }

            definition.Add(new Column(member.Name, name, RowMember.InferColumnType(member)));
        }

        return definition;
    }

    /// <summary>The definition for a class whose columns must have the types and annotations of a schema.</summary>
    internal static SchemaDefinition Create(Type userType, DataViewSchema schema)
    {
        SchemaDefinition definition = Create(userType, Direction.Read);
        foreach (DataViewSchema.Column source in schema)
        {
            Column column = definition[source.Name]
                ?? throw new InvalidOperationException($"{userType.Name} has no member for the column '{source.Name}' of the schema.");
            column.ColumnType = source.Type;
            column.AddAnnotations(source.Annotations);
        }

        return definition;
    }

    /// <summary>Whether members are read to make rows, written from rows, or both.</summary>
    [Flags]
    public enum Direction
    {
        Read = 1,
        Write = 2,
        Both = Read | Write,
    }

    /// <summary>The column of one member.</summary>
    public sealed class Column
    {
        private readonly DataViewSchema.Annotations.Builder _annotations = new();

        internal Column(string memberName, string columnName, DataViewType columnType)
        {
            MemberName = memberName;
            ColumnName = columnName;
            ColumnType = columnType;
        }

        public string MemberName { get; }

        public string ColumnName { get; set; }

        public DataViewType ColumnType { get; set; }

        public DataViewSchema.Annotations Annotations => _annotations.ToAnnotations();

        /// <summary>Adds an annotation whose value is given as in a user's class: text as string, vectors as arrays too.</summary>
        public void AddAnnotation<T>(string kind, T value, DataViewType annotationType)
        {
            ArgumentException.ThrowIfNullOrEmpty(kind);
            ArgumentNullException.ThrowIfNull(annotationType);
            if (Annotations.Schema.GetColumnOrNull(kind) is not null)
            {
                throw new ArgumentOutOfRangeException(nameof(kind), $"Column '{ColumnName}' already has an annotation '{kind}'.");
            }

            RowMember.RequireCompatible(typeof(T), annotationType, $"Annotation '{kind}'");
            Delegate getter = ConstantGetter.Of(value);
            _annotations.Add(kind, annotationType, getter);
        }

        internal void AddAnnotations(DataViewSchema.Annotations annotations) => _annotations.Add(annotations, _ => true);
    }
}
