namespace Microsoft.ML.Data;

/// <summary>Opens editors on the arrays of a buffer, growing them where they are too small.</summary>
public static class VBufferEditor
{
    /// <summary>An editor with the length and density of <paramref name="destination"/>, on its arrays.</summary>
    public static VBufferEditor<T> CreateFromBuffer<T>(scoped ref VBuffer<T> destination)
        => Create(ref destination, destination.Length, destination.GetValues().Length, keepOldOnResize: true);

    /// <summary>An editor of a buffer of another length; sparse if <paramref name="valuesCount"/> is smaller than that.</summary>
    public static VBufferEditor<T> Create<T>(
        scoped ref VBuffer<T> destination,
        int newLogicalLength,
        int? valuesCount = null,
        int? maxValuesCapacity = null,
        bool keepOldOnResize = false,
        bool requireIndicesOnDense = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(newLogicalLength);
        int count = valuesCount ?? newLogicalLength;
        if (count < 0 || count > newLogicalLength)
        {
            throw new ArgumentOutOfRangeException(nameof(valuesCount), $"A vector of length {newLogicalLength} stores between 0 and {newLogicalLength} values, not {count}.");
        }

        int capacity = maxValuesCapacity ?? newLogicalLength;
        T[] values = WithRoom(destination.ValueArray, count, capacity, keepOldOnResize, out bool createdValues);
        bool needsIndices = count < newLogicalLength || requireIndicesOnDense;
        bool createdIndices = false;
        int[] indices = needsIndices
            ? WithRoom(destination.IndexArray, count, capacity, keepOldOnResize, out createdIndices)
            : destination.IndexArray;
        return new VBufferEditor<T>(newLogicalLength, count, values, indices, needsIndices, createdValues, createdIndices);
    }

    private static TItem[] WithRoom<TItem>(TItem[] array, int count, int capacity, bool keepOld, out bool created)
    {
        created = array is null ? count > 0 : array.Length < count;
        if (!created)
        {
            return array;
        }

        // Doubling keeps buffers that grow item by item linear; the capacity is what can ever be needed.
        long doubled = 2L * (array?.Length ?? 0);
        int size = (int)Math.Max(count, Math.Min(doubled, capacity));
        if (keepOld)
        {
            Array.Resize(ref array, size);
            return array;
        }

        return new TItem[size];
    }
}

/// <summary>Write access to the arrays of a <see cref="VBuffer{T}"/>, until it is committed.</summary>
public readonly ref struct VBufferEditor<T>
{
    public readonly Span<T> Values;
    public readonly Span<int> Indices;

    private readonly int _length;
    private readonly T[] _values;
    private readonly int[] _indices;

    internal VBufferEditor(
        int length, int count, T[] values, int[] indices, bool exposeIndices, bool createdNewValues, bool createdNewIndices)
    {
        _length = length;
        _values = values;
        _indices = indices;
        Values = values.AsSpan(0, count);
        Indices = exposeIndices ? indices.AsSpan(0, count) : default;
        CreatedNewValues = createdNewValues;
        CreatedNewIndices = createdNewIndices;
    }

    public bool CreatedNewValues { get; }

    public bool CreatedNewIndices { get; }

    public VBuffer<T> Commit() => new(_length, Values.Length, _values, _indices);

    /// <summary>Commits only the first values and indices.</summary>
    public VBuffer<T> CommitTruncated(int physicalValuesCount)
    {
        if (physicalValuesCount < 0 || physicalValuesCount > Values.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(physicalValuesCount), $"The editor holds {Values.Length} values, so {physicalValuesCount} cannot be kept.");
        }

        return new VBuffer<T>(_length, physicalValuesCount, _values, _indices);
    }
}
