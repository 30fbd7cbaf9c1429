using System.Reflection;

namespace Microsoft.ML.Data;

/// <summary>One column of a text file: which fields it is read from, and as what.</summary>
internal sealed record TextColumn(string Name, PrimitiveDataViewType ItemType, bool IsVector, int[] FieldIndexes)
{
    public DataViewType Type => IsVector ? new VectorDataViewType(ItemType, FieldIndexes.Length) : ItemType;

    public static TextColumn[] ColumnsOf(Type userType)
        => [.. RowMember.ColumnMembers(userType, SchemaDefinition.Direction.Both).Select(ColumnOf)];

    /// <summary>A getter that parses the fields of the current line.</summary>
    public Delegate MakeGetter(Func<int, ReadOnlyMemory<char>> field)
        => TypeArgument.Close(MakeGetter<int>, ItemType.RawType)(field);

    private static TextColumn ColumnOf(MemberInfo member)
    {
        LoadColumnAttribute source = member.GetCustomAttribute<LoadColumnAttribute>()
            ?? throw new InvalidOperationException($"Member '{member.Name}' lacks the {nameof(LoadColumnAttribute)} that says which field it is read from.");
        DataViewType type = RowMember.InferColumnType(member);
        var itemType = type.ItemTypeOrSelf as PrimitiveDataViewType
            ?? throw new InvalidOperationException($"Member '{member.Name}' has column type {type}, which is not read from text.");
        string name = member.GetCustomAttribute<ColumnNameAttribute>()?.Name ?? member.Name;
        return new TextColumn(name, itemType, type is VectorDataViewType, source.FieldIndexes);
    }

    private Delegate MakeGetter<T>(Func<int, ReadOnlyMemory<char>> field)
    {
        Func<ReadOnlyMemory<char>, T> parse = MakeParser<T>();
        if (!IsVector)
        {
            return (ValueGetter<T>)((ref T value) => value = parse(field(FieldIndexes[0])));
        }

        return (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) =>
        {
            VBufferEditor<T> editor = VBufferEditor.Create(ref value, FieldIndexes.Length);
            for (int i = 0; i < FieldIndexes.Length; i++)
            {
                editor.Values[i] = parse(field(FieldIndexes[i]));
            }

            value = editor.Commit();
        });
    }

    private Func<ReadOnlyMemory<char>, T> MakeParser<T>()
    {
        if (ItemType is KeyDataViewType key)
        {
            // In text keys count from 0; in memory 0 means missing.
            Delegate fromNumber = TypeArgument.Close(MakeKeyFromNumber<uint>, typeof(T))();
            return text => ulong.TryParse(text.Span.Trim(), out ulong number) && number < key.Count
                ? ((Func<ulong, T>)fromNumber)(number + 1)
                : default;
        }

        var parse = (Func<ReadOnlyMemory<char>, T>)ItemConversion.FindOrNull(typeof(ReadOnlyMemory<char>), typeof(T));
        return text =>
        {
            try
            {
                return parse(text);
            }
            catch (InvalidOperationException notParsed)
            {
                throw new FormatException($"Column '{Name}': {notParsed.Message}", notParsed);
            }
        };
    }

    private static Delegate MakeKeyFromNumber<T>()
        where T : System.Numerics.INumberBase<T>
        => (Func<ulong, T>)T.CreateTruncating;
}
