using System.Globalization;
using System.Numerics;

namespace Microsoft.ML.Data;

/// <summary>
/// The conversions between item types: among signed integers, among unsigned ones, from any number or boolean to reals,
/// to booleans and to text, and from text to everything. What can lose the meaning (real to integer, signed to unsigned) is not offered.
/// </summary>
internal static class ItemConversion
{
    private static readonly HashSet<Type> Signed = [typeof(sbyte), typeof(short), typeof(int), typeof(long)];
    private static readonly HashSet<Type> Unsigned = [typeof(byte), typeof(ushort), typeof(uint), typeof(ulong)];
    private static readonly HashSet<Type> Reals = [typeof(float), typeof(double)];

    /// <summary>The function from one raw type to another, a Func of the two; null if there is none.</summary>
    public static Delegate FindOrNull(Type source, Type result)
    {
        if (source == result)
        {
            return TypeArgument.Close(Identity<int>, source)();
        }

        if (result == typeof(ReadOnlyMemory<char>))
        {
            return TypeArgument.Close(ToText<int>, source)();
        }

        if (source == typeof(ReadOnlyMemory<char>))
        {
            return result == typeof(bool) ? (Func<ReadOnlyMemory<char>, bool>)ParseBoolean
                : IsNumber(result) ? TypeArgument.Close(ParseNumber<int>, result)()
                : TypeArgument.Close(ParseOther<DateTime>, result)();
        }

        if (source == typeof(bool))
        {
            return Signed.Contains(result) || Reals.Contains(result) ? TypeArgument.Close(FromBoolean<int>, result)() : null;
        }

        if (!IsNumber(source))
        {
            return null;
        }

        if (result == typeof(bool))
        {
            return TypeArgument.Close(ToBoolean<int>, source)();
        }

        bool isOffered = Reals.Contains(result)
            || (Signed.Contains(source) && Signed.Contains(result))
            || (Unsigned.Contains(source) && Unsigned.Contains(result));
        return isOffered ? TypeArgument.Close(BetweenNumbers<int, int>, source, result)() : null;
    }

    private static bool IsNumber(Type type) => Signed.Contains(type) || Unsigned.Contains(type) || Reals.Contains(type);

    private static Delegate Identity<T>() => (Func<T, T>)(value => value);

    private static Delegate BetweenNumbers<TSource, TResult>()
        where TSource : INumberBase<TSource>
        where TResult : INumberBase<TResult>
        => (Func<TSource, TResult>)TResult.CreateTruncating;

    private static Delegate FromBoolean<TResult>()
        where TResult : INumberBase<TResult>
        => (Func<bool, TResult>)(value => value ? TResult.One : TResult.Zero);

    private static Delegate ToBoolean<TSource>()
        where TSource : INumberBase<TSource>
        => (Func<TSource, bool>)(value => !TSource.IsZero(value));

    private static Delegate ToText<TSource>()
        => (Func<TSource, ReadOnlyMemory<char>>)(value => value switch
        {
            double number => number.ToString("G17", CultureInfo.InvariantCulture).AsMemory(),
            IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture).AsMemory(),
            _ => value.ToString().AsMemory(),
        });

    // Empty text is zero. What cannot be parsed is missing where the type has a missing value: reals, and unsigned
    // integers, as keys are made of them. Signed integers have none, so there it is an error.
    private static Delegate ParseNumber<TResult>()
        where TResult : INumberBase<TResult>
        => (Func<ReadOnlyMemory<char>, TResult>)(text =>
        {
            ReadOnlySpan<char> trimmed = text.Span.Trim();
            if (trimmed.IsEmpty)
            {
                return TResult.Zero;
            }

            if (TResult.TryParse(trimmed, NumberStyles.Float, CultureInfo.InvariantCulture, out TResult number))
            {
                return number;
            }

            return Signed.Contains(typeof(TResult))
                ? throw new InvalidOperationException($"'{text}' is not a {typeof(TResult).Name}.")
                : MissingValue.Of<TResult>();
        });

    private static bool ParseBoolean(ReadOnlyMemory<char> text)
        => text.ToString().Trim().ToUpperInvariant() switch
        {
            "1" or "+1" or "T" or "TRUE" or "Y" or "YES" => true,
            _ => false,
        };

    private static Delegate ParseOther<TResult>()
        where TResult : ISpanParsable<TResult>
        => (Func<ReadOnlyMemory<char>, TResult>)(text =>
            text.IsEmpty ? default
                : TResult.TryParse(text.Span, CultureInfo.InvariantCulture, out TResult value) ? value
                : throw new InvalidOperationException($"'{text}' is not a {typeof(TResult).Name}."));
}
