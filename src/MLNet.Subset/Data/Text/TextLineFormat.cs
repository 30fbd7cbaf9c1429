using System.Globalization;
using System.Text;

namespace Microsoft.ML.Data;

/// <summary>How a line of text is split into fields.</summary>
internal sealed class TextLineFormat(char separator, bool allowQuoting, bool trimEnd, bool allowSparse)
{
    /// <summary>Whether a line holds no row: it is empty or a comment.</summary>
    public static bool IsSkipped(string line) => line.Length == 0 || line.StartsWith("//", StringComparison.Ordinal);

    /// <summary>Replaces the content of <paramref name="fields"/> by the fields of a line, without the white space before them.</summary>
    public void Split(string line, List<ReadOnlyMemory<char>> fields)
    {
        fields.Clear();
        ReadOnlyMemory<char> rest = trimEnd ? line.AsMemory().TrimEnd() : line.AsMemory();
        bool more = true;
        while (more)
        {
            rest = separator == ' ' ? rest : rest.TrimStart(' ');
            fields.Add(allowQuoting && rest.Span.StartsWith("\"") ? TakeQuoted(ref rest) : TakePlain(rest));
            int end = rest.Span.IndexOf(separator);
            more = end >= 0;
            rest = more ? rest[(end + 1)..] : default;
        }

        if (allowSparse)
        {
            ExpandSparse(fields);
        }
    }

    private ReadOnlyMemory<char> TakePlain(ReadOnlyMemory<char> rest)
    {
        int end = rest.Span.IndexOf(separator);
        return end < 0 ? rest : rest[..end];
    }

    // Leaves the rest after the closing quote, or nothing if there is none.
    private static ReadOnlyMemory<char> TakeQuoted(ref ReadOnlyMemory<char> rest)
    {
        var field = new StringBuilder();
        ReadOnlySpan<char> text = rest.Span;
        int at = 1;
        while (at < text.Length)
        {
            bool isQuote = text[at] == '"';
            if (isQuote && !text[(at + 1)..].StartsWith("\""))
            {
                break;
            }

            field.Append(text[at]);
            at += isQuote ? 2 : 1;
        }

        rest = rest[Math.Min(at + 1, rest.Length)..];
        return field.ToString().AsMemory();
    }

    // "b 6 0:7 5:8" is "b 7 0 0 0 0 8", but with empty fields for the zeros.
    private static void ExpandSparse(List<ReadOnlyMemory<char>> fields)
    {
        int first = fields.FindIndex(field => field.Span.Contains(':'));
        if (first < 1 || !int.TryParse(fields[first - 1].Span, NumberStyles.None, CultureInfo.InvariantCulture, out int length))
        {
            return;
        }

        var expanded = new ReadOnlyMemory<char>[length];
        foreach (ReadOnlyMemory<char> field in fields.Skip(first))
        {
            int colon = field.Span.IndexOf(':');
            if (colon < 0 || !int.TryParse(field.Span[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out int index) || index >= length)
            {
                throw new FormatException($"'{field}' is not a field of the form index:value with an index below {length}.");
            }

            expanded[index] = field[(colon + 1)..];
        }

        fields.RemoveRange(first - 1, fields.Count - first + 1);
        fields.AddRange(expanded);
    }
}
