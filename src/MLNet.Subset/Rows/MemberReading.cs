using System.Numerics;

namespace Microsoft.ML.Data;

/// <summary>Makes column getters that read members: text from strings, vectors from arrays, everything else as it is.</summary>
internal static class MemberReading
{
    /// <summary>A getter of the column value that a member's current value stands for.</summary>
    public static Delegate MakeGetter<TMember>(Func<TMember> read)
    {
        if (read is Func<string> readText)
        {
            return (ValueGetter<ReadOnlyMemory<char>>)((ref ReadOnlyMemory<char> value) => value = readText().AsMemory());
        }

        if (read is Func<string[]> readTexts)
        {
            return MakeTextsGetter(readTexts);
        }

        if (typeof(TMember).IsArray)
        {
            return TypeArgument.Close(MakeArrayGetter<int>, typeof(TMember).GetElementType())(read);
        }

        if (typeof(TMember).IsGenericType && typeof(TMember).GetGenericTypeDefinition() == typeof(VBuffer<>))
        {
            return TypeArgument.Close(MakeBufferGetter<int>, typeof(TMember).GetGenericArguments()[0])(read);
        }

        return (ValueGetter<TMember>)((ref TMember value) => value = read());
    }

    /// <summary>
    /// A getter that reads a member of the row that <paramref name="current"/> yields. A scalar key member counts from 0,
    /// its column from 1, as 0 is the missing key there; a number that the key type does not have is missing.
    /// </summary>
    public static Delegate MakeGetter<TRow>(RowMember member, Func<TRow> current)
        => member.ColumnType is KeyDataViewType
            ? TypeArgument.Close(MakeKeyGetter<TRow, uint>, typeof(TRow), member.MemberType)(member, current)
            : TypeArgument.Close(MakeMemberGetter<TRow, int>, typeof(TRow), member.MemberType)(member, current);

    private static Delegate MakeMemberGetter<TRow, TMember>(RowMember member, Func<TRow> current)
    {
        Func<TRow, TMember> read = MemberAccess.Reader<TRow, TMember>(member.Member);
        return MakeGetter(() => read(current()));
    }

    private static Delegate MakeKeyGetter<TRow, TKey>(RowMember member, Func<TRow> current)
        where TKey : IUnsignedNumber<TKey>
    {
        Func<TRow, TKey> read = MemberAccess.Reader<TRow, TKey>(member.Member);
        ulong count = ((KeyDataViewType)member.ColumnType).Count;
        return (ValueGetter<TKey>)((ref TKey value) =>
        {
            TKey number = read(current());
            value = ulong.CreateTruncating(number) < count ? number + TKey.One : TKey.Zero;
        });
    }

    private static Delegate MakeTextsGetter(Func<string[]> read)
        => (ValueGetter<VBuffer<ReadOnlyMemory<char>>>)((ref VBuffer<ReadOnlyMemory<char>> value) =>
        {
            string[] texts = read() ?? [];
            VBufferEditor<ReadOnlyMemory<char>> editor = VBufferEditor.Create(ref value, texts.Length);
            for (int i = 0; i < texts.Length; i++)
            {
                editor.Values[i] = texts[i].AsMemory();
            }

            value = editor.Commit();
        });

    private static Delegate MakeArrayGetter<TItem>(Delegate read)
    {
        var readArray = (Func<TItem[]>)read;
        return (ValueGetter<VBuffer<TItem>>)((ref VBuffer<TItem> value) =>
        {
            TItem[] array = readArray() ?? [];
            VBuffer<TItem>.Copy(array, 0, ref value, array.Length);
        });
    }

    private static Delegate MakeBufferGetter<TItem>(Delegate read)
    {
        var readBuffer = (Func<VBuffer<TItem>>)read;
        return (ValueGetter<VBuffer<TItem>>)((ref VBuffer<TItem> value) => readBuffer().CopyTo(ref value));
    }
}
