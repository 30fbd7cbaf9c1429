using System.Collections;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>
/// What an estimator knows of a schema before it has seen data: names, kinds and item types, but no sizes.
/// </summary>
public sealed class SchemaShape : IReadOnlyList<SchemaShape.Column>
{
    private static readonly SchemaShape Empty = new([]);

    private readonly Column[] _columns;

    public SchemaShape(IEnumerable<Column> columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        _columns = [.. columns];
        if (_columns.Any(column => column.Name is null))
        {
            throw new ArgumentOutOfRangeException(nameof(columns), "A column without a name is not initialized.");
        }
    }

    public int Count => _columns.Length;

    public Column this[int index] => _columns[index];

    public IEnumerator<Column> GetEnumerator() => ((IEnumerable<Column>)_columns).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal static SchemaShape Create(DataViewSchema schema)
        => new(schema.Where(column => !column.IsHidden).Select(column => new Column(column.Name, column.Type, Create(column.Annotations.Schema))));

    internal bool TryFindColumn(string name, out Column column)
    {
        column = Array.Find(_columns, candidate => candidate.Name == name);
        return column.Name is not null;
    }

    /// <summary>The column of this name, or the error that it is missing.</summary>
    internal Column RequireColumn(string name)
        => TryFindColumn(name, out Column column) ? column : throw SchemaMismatch.Missing("inputSchema", "input", name);

    /// <summary>This shape with columns added; those that have the name of an added one give way.</summary>
    internal SchemaShape With(IEnumerable<Column> added)
    {
        var byName = new Dictionary<string, Column>(StringComparer.Ordinal);
        foreach (Column column in _columns.Concat(added))
        {
            byName[column.Name] = column;
        }

        return new SchemaShape(byName.Values);
    }

    /// <summary>One column: its vector kind, item type (for keys, the integer type under them) and annotations.</summary>
    public struct Column
    {
        public readonly string Name;
        public readonly VectorKind Kind;
        public readonly DataViewType ItemType;
        public readonly bool IsKey;
        public readonly SchemaShape Annotations;

        internal Column(string name, VectorKind vecKind, DataViewType itemType, bool isKey, SchemaShape annotations = null)
        {
            Name = name;
            Kind = vecKind;
            ItemType = itemType;
            IsKey = isKey;
            Annotations = annotations ?? Empty;
        }

        internal Column(string name, DataViewType type, SchemaShape annotations = null)
        {
            Name = name;
            Kind = type is not VectorDataViewType vector ? VectorKind.Scalar
                : vector.IsKnownSize ? VectorKind.Vector
                : VectorKind.VariableVector;
            ItemType = type.ItemTypeOrSelf;
            IsKey = ItemType is KeyDataViewType;
            if (IsKey)
            {
                BuiltInTypes.TryFromRawType(ItemType.RawType, out PrimitiveDataViewType integer);
                ItemType = integer;
            }

            Annotations = annotations ?? Empty;
        }

        internal string TypeDescription
        {
            get
            {
                string item = IsKey ? $"Key<{ItemType}>" : $"{ItemType}";
                return Kind switch
                {
                    VectorKind.Vector => $"Vector<{item}>",
                    VectorKind.VariableVector => $"VarVector<{item}>",
                    _ => item,
                };
            }
        }

        /// <summary>Whether there is one value, a fixed number of them, or a number that changes by row.</summary>
        public enum VectorKind
        {
            Scalar = 0,
            Vector = 1,
            VariableVector = 2,
        }
    }
}
