using System.Diagnostics.CodeAnalysis;

namespace Kfac;

/// <summary>Checks settings at the public door.</summary>
internal static class Guard
{
    /// <exception cref="ArgumentException"><paramref name="holds"/> is false; the message tells setting, expectation and value.</exception>
    public static void Require([DoesNotReturnIf(false)] bool holds, string setting, object? value, string expected)
    {
        if (!holds)
        {
            throw new ArgumentException($"{setting} must be {expected}, but is {value ?? "null"}", setting);
        }
    }
}
