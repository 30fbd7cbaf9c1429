namespace Microsoft.ML.Data;

/// <summary>The missing value of each type that has one: NaN for reals, 0 for keys, empty text.</summary>
internal static class MissingValue
{
    /// <summary>The value that stands for a missing item: NaN for reals, else default.</summary>
    public static T Of<T>()
        => typeof(T) == typeof(float) ? (T)(object)float.NaN
            : typeof(T) == typeof(double) ? (T)(object)double.NaN
            : default;

    /// <summary>Tells whether an item of this type is missing; null for types without a missing value.</summary>
    public static Func<T, bool> PredicateOrNull<T>(DataViewType itemType)
    {
        Delegate predicate = itemType switch
        {
            KeyDataViewType => (Func<T, bool>)(key => EqualityComparer<T>.Default.Equals(key, default)),
            TextDataViewType => (Func<ReadOnlyMemory<char>, bool>)(text => text.IsEmpty),
            _ when typeof(T) == typeof(float) => (Func<float, bool>)float.IsNaN,
            _ when typeof(T) == typeof(double) => (Func<double, bool>)double.IsNaN,
            _ => null,
        };
        return (Func<T, bool>)predicate;
    }
}
