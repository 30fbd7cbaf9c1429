using System.Globalization;

namespace MLNetKfac.Tool.Terminal;

/// <summary>Numbers of things in sentences.</summary>
internal static class Plural
{
    /// <summary>The number and the word for one thing or for another number of them.</summary>
    public static string Of(long number, string one, string several) => string.Create(CultureInfo.InvariantCulture, $"{number:N0} {(number == 1 ? one : several)}");

    /// <summary>A number of pictures, with words before.</summary>
    public static string Pictures(long number, string kind = "") => Of(number, $"{kind}picture", $"{kind}pictures");
}
