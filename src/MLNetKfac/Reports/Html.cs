using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace MLNetKfac.Reports;

/// <summary>Markup that is safe to put into a page. Text can only get into it escaped.</summary>
/// <param name="Markup">The markup.</param>
internal readonly record struct Html(string Markup)
{
    public static readonly Html Nothing = new("");

    /// <summary>The literal parts as they are; texts between them escaped, numbers in the invariant culture.</summary>
    public static Html Of(HtmlInterpolation parts) => new(parts.ToMarkup());

    /// <summary>Pieces of markup, one after the other.</summary>
    public static Html Join(IEnumerable<Html> pieces) => new(string.Concat(pieces.Select(piece => piece.Markup)));

    /// <summary>A text for elements and quoted attributes. Control characters, which no page may have, are replaced.</summary>
    public static string Escape(string text) =>
        WebUtility.HtmlEncode(string.Concat(text.Select(character => char.IsControl(character) ? '\uFFFD' : character)));

    public override string ToString() => Markup;
}

/// <summary>What <see cref="Html.Of"/> makes markup of.</summary>
[InterpolatedStringHandler]
internal readonly struct HtmlInterpolation
{
    private readonly StringBuilder _markup;

    public HtmlInterpolation(int literalLength, int formattedCount) => _markup = new StringBuilder(literalLength + 16 * formattedCount);

    public void AppendLiteral(string markup) => _markup.Append(markup);

    public void AppendFormatted(Html html) => _markup.Append(html.Markup);

    public void AppendFormatted(IEnumerable<Html> pieces)
    {
        foreach (Html piece in pieces)
        {
            _markup.Append(piece.Markup);
        }
    }

    public void AppendFormatted(string? text) => _markup.Append(Html.Escape(text ?? ""));

    public void AppendFormatted(int number) => _markup.Append(CultureInfo.InvariantCulture, $"{number}");

    public void AppendFormatted(int number, string format) => _markup.Append(number.ToString(format, CultureInfo.InvariantCulture));

    public void AppendFormatted(double number, string format) => _markup.Append(number.ToString(format, CultureInfo.InvariantCulture));

    public string ToMarkup() => _markup.ToString();
}
