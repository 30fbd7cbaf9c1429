using Kfac.Kernels;

namespace Kfac.Memory;

/// <summary>
/// One map [N, H, W, C] per example of a batch, each with a halo of zeros around it that convolutions read as padding.
/// Writers fill the interior only, so the halo stays zero for good.
/// </summary>
/// <remarks>Maps that pass are there for their example's worker only, until that goes on to its next examples.</remarks>
internal sealed unsafe class ActivationBuffer
{
    /// <summary>Examples a multiple of 4 KB apart would meet in the same sets of the first-level cache.</summary>
    private const int SetStride = 1024, CacheLine = 16;

    private readonly AlignedBuffer _memory;
    private readonly float* _origin;
    private readonly WorkerSlots? _slots;
    private int _staying;

    /// <param name="shape">Of one example.</param>
    /// <param name="halo">Zeros around it.</param>
    /// <param name="capacity">Largest number of examples in a batch.</param>
    /// <param name="slots">Where examples are whose maps pass; null where none ever does.</param>
    /// <param name="passes">Whether all do, always.</param>
    public ActivationBuffer(ImageShape shape, Halo halo, int capacity, WorkerSlots? slots = null, bool passes = false)
    {
        (_slots, _staying) = (slots, passes ? 0 : capacity);
        Shape = shape;
        Capacity = capacity;
        Halo = halo;
        RowStride = (nint)(shape.Width + halo.Left + halo.Right) * shape.Channels;
        nint floats = (shape.Height + halo.Top + halo.Bottom) * RowStride;
        ImageStride = floats % SetStride == 0 ? floats + CacheLine : floats;
        _memory = new AlignedBuffer(checked(Math.Max(passes ? 0 : capacity, slots?.Count ?? 0) * (long)ImageStride));
        _origin = _memory.Pointer + halo.Top * RowStride + halo.Left * shape.Channels;
    }

    private ActivationBuffer(ActivationBuffer source, ImageShape shape)
    {
        Shape = shape;
        Capacity = source.Capacity;
        RowStride = shape.Size;
        ImageStride = source.ImageStride;
        _memory = source._memory;
        _origin = source._origin;
        (_slots, _staying) = (source._slots, source._staying);
    }

    public ImageShape Shape { get; }

    public int Capacity { get; }

    public Halo Halo { get; }

    /// <summary>Whether every example's map passes.</summary>
    public bool IsTransient => _staying == 0;

    /// <summary>Floats from one row of pixels to the next.</summary>
    public nint RowStride { get; }

    /// <summary>Floats from one example to the next.</summary>
    public nint ImageStride { get; }

    /// <summary>The examples as rows of a matrix [N, H·W·C] of row stride <see cref="ImageStride"/>; only without a halo, or of one pixel.</summary>
    public float* Rows => Halo == default || Shape.IsFlat ? _origin : throw new InvalidOperationException("a map with a halo has no plain rows");

    /// <summary>The map of one example.</summary>
    public ImagePlane this[int example] => new(Origin(example), RowStride);

    /// <summary>The maps of some examples, which a worker takes together.</summary>
    public ImageBatch this[ExampleRange examples] => new(this[examples.First], ImageStride, examples.Count);

    /// <summary>The same memory as vectors of H·W·C features; only without a halo.</summary>
    public ActivationBuffer Flattened() =>
        Halo == default ? new ActivationBuffer(this, ImageShape.Flat(Shape.Size)) : throw new InvalidOperationException("a map with a halo cannot be flattened in place");

    /// <summary>
    /// Has the maps of the first <paramref name="examples"/> examples stay and those of the others pass; where there is no room for
    /// both, all stay. Examples that a worker takes together must be on one side, since kernels find their maps side by side.
    /// </summary>
    public void Retain(int examples) => _staying = examples + _slots!.Count <= Capacity || examples == 0 ? examples : Capacity;

    /// <summary>Whether the maps of the first <paramref name="examples"/> examples stay.</summary>
    public bool Retains(int examples) => _staying >= examples;

    public bool IsSameMemoryAs(ActivationBuffer other) => _memory == other._memory;

    /// <summary>Row <paramref name="row"/> of an example: W·C values.</summary>
    public Span<float> Row(int example, int row) => new(Origin(example) + row * RowStride, Shape.Width * Shape.Channels);

    /// <summary>Copies one example in from H·W·C contiguous values.</summary>
    public void Write(int example, ReadOnlySpan<float> values)
    {
        int length = Shape.Width * Shape.Channels;
        for (int row = 0; row < Shape.Height; row++)
        {
            values.Slice(row * length, length).CopyTo(Row(example, row));
        }
    }

    /// <summary>Copies one example out to H·W·C contiguous values.</summary>
    public void Read(int example, Span<float> values)
    {
        int length = Shape.Width * Shape.Channels;
        for (int row = 0; row < Shape.Height; row++)
        {
            Row(example, row).CopyTo(values.Slice(row * length, length));
        }
    }

    private float* Origin(int example) => _origin + (example < _staying ? example : _staying + _slots![example]) * ImageStride;
}
