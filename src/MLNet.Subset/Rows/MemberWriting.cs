namespace Microsoft.ML.Data;

/// <summary>Turns column values into what members hold: text into strings, vectors into arrays or buffers.</summary>
internal static class MemberWriting
{
    /// <summary>An action that writes the column's current value in <paramref name="source"/> into a member of a row object.</summary>
    public static Action<TRow> MakeSetter<TRow>(RowMember member, DataViewRow source, DataViewSchema.Column column)
        => TypeArgument.Close(MakeSetter<TRow, int>, typeof(TRow), member.MemberType)(member, source, column);

    /// <summary>
    /// A function that gives the column's current value. It is passed the value that the last row left in the same place,
    /// and returns that array again where the length still fits: this is what reusing row objects saves.
    /// </summary>
    public static Func<TMember, TMember> MakeReader<TMember>(DataViewRow source, DataViewSchema.Column column)
    {
        Delegate reader = typeof(TMember) == typeof(string) ? MakeTextReader(source, column)
            : typeof(TMember) == typeof(string[]) ? MakeTextsReader(source, column)
            : typeof(TMember).IsArray ? TypeArgument.Close(MakeArrayReader<int>, typeof(TMember).GetElementType())(source, column)
            : MakePlainReader<TMember>(source, column);
        return (Func<TMember, TMember>)reader;
    }

    private static Action<TRow> MakeSetter<TRow, TMember>(RowMember member, DataViewRow source, DataViewSchema.Column column)
    {
        Func<TMember, TMember> valueAfter = MakeReader<TMember>(source, column);
        Action<TRow, TMember> write = MemberAccess.Writer<TRow, TMember>(member.Member);
        if (!typeof(TMember).IsArray || !MemberAccess.CanRead(member.Member))
        {
            return row => write(row, valueAfter(default));
        }

        Func<TRow, TMember> read = MemberAccess.Reader<TRow, TMember>(member.Member);
        return row => write(row, valueAfter(read(row)));
    }

    private static Delegate MakeTextReader(DataViewRow source, DataViewSchema.Column column)
    {
        ValueGetter<ReadOnlyMemory<char>> getter = source.GetGetter<ReadOnlyMemory<char>>(column);
        ReadOnlyMemory<char> text = default;
        return (Func<string, string>)(_ =>
        {
            getter(ref text);
            return text.ToString();
        });
    }

    private static Delegate MakeArrayReader<TItem>(DataViewRow source, DataViewSchema.Column column)
    {
        ValueGetter<VBuffer<TItem>> getter = source.GetGetter<VBuffer<TItem>>(column);
        VBuffer<TItem> buffer = default;
        return (Func<TItem[], TItem[]>)(previous =>
        {
            getter(ref buffer);
            TItem[] array = WithLength(previous, buffer.Length);
            buffer.CopyTo(array);
            return array;
        });
    }

    private static Delegate MakeTextsReader(DataViewRow source, DataViewSchema.Column column)
    {
        ValueGetter<VBuffer<ReadOnlyMemory<char>>> getter = source.GetGetter<VBuffer<ReadOnlyMemory<char>>>(column);
        VBuffer<ReadOnlyMemory<char>> buffer = default;
        return (Func<string[], string[]>)(previous =>
        {
            getter(ref buffer);
            string[] texts = WithLength(previous, buffer.Length);
            foreach (KeyValuePair<int, ReadOnlyMemory<char>> text in buffer.Items(all: true))
            {
                texts[text.Key] = text.Value.ToString();
            }

            return texts;
        });
    }

    // The holder keeps what it is given, so every row gets a value of its own.
    private static Delegate MakePlainReader<TMember>(DataViewRow source, DataViewSchema.Column column)
    {
        ValueGetter<TMember> getter = source.GetGetter<TMember>(column);
        return (Func<TMember, TMember>)(_ =>
        {
            TMember value = default;
            getter(ref value);
            return value;
        });
    }

    private static T[] WithLength<T>(T[] array, int length) => array?.Length == length ? array : new T[length];
}
