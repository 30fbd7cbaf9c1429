using System.Collections.Immutable;

namespace Microsoft.ML.Data;

/// <summary>
/// A vector of primitive items, possibly with a shape. <see cref="Size"/> is the product of <see cref="Dimensions"/>;
/// a dimension of 0 is not known, and then neither is the size.
/// </summary>
public sealed class VectorDataViewType : StructuredDataViewType
{
    public VectorDataViewType(PrimitiveDataViewType itemType, int size = 0)
        : this(itemType, ImmutableArray.Create(size))
    {
    }

    public VectorDataViewType(PrimitiveDataViewType itemType, params int[] dimensions)
        : this(itemType, dimensions is null ? [] : ImmutableArray.Create(dimensions))
    {
    }

    public VectorDataViewType(PrimitiveDataViewType itemType, ImmutableArray<int> dimensions)
        : base(RawVectorType(itemType))
    {
        if (dimensions.IsDefaultOrEmpty || dimensions.Any(dimension => dimension < 0))
        {
            throw new ArgumentOutOfRangeException(nameof(dimensions), "A vector type has one or more dimensions, none of them negative.");
        }

        ItemType = itemType;
        Dimensions = dimensions;
        Size = dimensions.Aggregate(1, (product, dimension) => checked(product * dimension));
    }

    public ImmutableArray<int> Dimensions { get; }

    public PrimitiveDataViewType ItemType { get; }

    public int Size { get; }

    public bool IsKnownSize => Size > 0;

    public override bool Equals(DataViewType other)
        => other is VectorDataViewType vector
            && vector.ItemType.Equals(ItemType)
            && vector.Dimensions.SequenceEqual(Dimensions);

    public override bool Equals(object other) => Equals(other as DataViewType);

    public override int GetHashCode() => HashCode.Combine(ItemType, Size);

    public override string ToString()
    {
        if (Dimensions.Length == 1 && Size == 0)
        {
            return $"Vector<{ItemType}>";
        }

        IEnumerable<string> dimensions = Dimensions.Select(dimension => dimension == 0 ? "*" : $"{dimension}");
        return $"Vector<{ItemType}, {string.Join(", ", dimensions)}>";
    }

    private static Type RawVectorType(PrimitiveDataViewType itemType)
    {
        ArgumentNullException.ThrowIfNull(itemType);
        return typeof(VBuffer<>).MakeGenericType(itemType.RawType);
    }
}
