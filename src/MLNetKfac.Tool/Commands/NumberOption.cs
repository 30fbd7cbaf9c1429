using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace MLNetKfac.Tool.Commands;

/// <summary>Options with a number. What is no such number is an error of the command line that says what was expected.</summary>
internal static class NumberOption
{
    /// <param name="name">The option, with its dashes.</param>
    /// <param name="holds">Whether a number is in the range.</param>
    /// <param name="expected">The range in words.</param>
    /// <param name="description">What the option does.</param>
    public static Option<T?> Create<T>(string name, Predicate<T> holds, string expected, string description)
        where T : struct, INumber<T>, IMinMaxValue<T> => new(name) { Description = description, CustomParser = result => Parse(result, holds, $"{name} must be {expected}") };

    public static Option<int?> Threads() =>
        Create<int>("--threads", value => value >= 0, "a whole number, 0 or more", "Threads to compute with; 0 takes all processors. The result does not depend on it. [default: 0]");

    private static T? Parse<T>(ArgumentResult result, Predicate<T> holds, string requirement)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        // No thousands: 0,2 would be 2.
        string text = result.Tokens[^1].Value;
        if (T.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out T value) && holds(value))
        {
            return value;
        }

        bool isTooLarge = BigInteger.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out BigInteger whole)
            && whole > BigInteger.CreateSaturating(T.MaxValue) && !requirement.EndsWith($"{T.MaxValue}", StringComparison.Ordinal);
        result.AddError($"{requirement}{(isTooLarge ? $" and at most {T.MaxValue}" : "")}, but is '{text}'");
        return null;
    }
}
