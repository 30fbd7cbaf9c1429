using Microsoft.ML;

namespace MLNetKfac.Scoring;

/// <summary>Gives getters their type back.</summary>
internal static class TypedGetter
{
    /// <exception cref="InvalidOperationException">The column is not of type <typeparamref name="TValue"/>.</exception>
    public static ValueGetter<TValue> Typed<TValue>(this Delegate getter, DataViewSchema.Column column) =>
        getter as ValueGetter<TValue>
        ?? throw new InvalidOperationException($"column '{column.Name}' is {column.Type}, whose values are {column.Type.RawType}, not {typeof(TValue)}");
}
