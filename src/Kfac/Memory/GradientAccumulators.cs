using System.Numerics.Tensors;

namespace Kfac.Memory;

/// <summary>
/// Sums over the examples of each slice of a batch: a layer's gradients and, behind them, the squares of the examples'
/// own gradients. A slice has a slot while a worker is at it and until it has been added to the slices before it.
/// </summary>
internal sealed unsafe class GradientAccumulators
{
    private readonly Parameter[] _parameters;
    private readonly int[] _offsets;
    private readonly int _stride;
    private readonly AlignedBuffer[] _slots;

    /// <param name="parameters">Whose gradients.</param>
    /// <param name="slots">Slots there are.</param>
    public GradientAccumulators(Parameter[] parameters, int slots)
    {
        _parameters = parameters;
        _offsets = new int[parameters.Length];
        for (int p = 0; p < parameters.Length; p++)
        {
            _offsets[p] = _stride;
            _stride += AlignedBuffer.RoundUp(parameters[p].Length);
        }

        _slots = [.. Enumerable.Range(0, slots).Select(_ => new AlignedBuffer(2L * _stride))];
    }

    /// <summary>Sets the sums in <paramref name="slot"/> that are wanted to zero.</summary>
    public void Begin(int slot, BackwardQuantities quantities)
    {
        if (quantities.HasFlag(BackwardQuantities.Gradient))
        {
            _slots[slot].Span[.._stride].Clear();
        }

        if (quantities.HasFlag(BackwardQuantities.SquaredGradient))
        {
            _slots[slot].Span[_stride..].Clear();
        }
    }

    /// <summary>Where the slice in a slot gathers the gradient of a parameter; null where it is not wanted or there is no such parameter.</summary>
    public float* Gradient(int slot, int parameter, BackwardQuantities quantities) =>
        quantities.HasFlag(BackwardQuantities.Gradient) && parameter < _parameters.Length ? _slots[slot].Pointer + _offsets[parameter] : null;

    /// <summary>The same for the squares.</summary>
    public float* Squares(int slot, int parameter, BackwardQuantities quantities) =>
        quantities.HasFlag(BackwardQuantities.SquaredGradient) && parameter < _parameters.Length ? _slots[slot].Pointer + _stride + _offsets[parameter] : null;

    /// <summary>Adds the sums in <paramref name="slot"/> to those in the parameters' store, or begins these with them.</summary>
    public void Add(int slot, bool isFirst, BackwardQuantities quantities)
    {
        for (int p = 0; p < _parameters.Length; p++)
        {
            Parameter parameter = _parameters[p];
            if (quantities.HasFlag(BackwardQuantities.Gradient))
            {
                Add(_slots[slot].Span.Slice(_offsets[p], parameter.Length), isFirst, parameter.GradientPointer);
            }

            if (quantities.HasFlag(BackwardQuantities.SquaredGradient))
            {
                Add(_slots[slot].Span.Slice(_stride + _offsets[p], parameter.Length), isFirst, parameter.SquaredGradientPointer);
            }
        }
    }

    /// <summary>Makes means over <paramref name="examples"/> of the sums in the parameters' store.</summary>
    public void Average(int examples, BackwardQuantities quantities)
    {
        foreach (Parameter parameter in _parameters)
        {
            if (quantities.HasFlag(BackwardQuantities.Gradient))
            {
                Divide(parameter.GradientPointer, parameter.Length, examples);
            }

            if (quantities.HasFlag(BackwardQuantities.SquaredGradient))
            {
                Divide(parameter.SquaredGradientPointer, parameter.Length, examples);
            }
        }
    }

    private static void Add(ReadOnlySpan<float> slice, bool isFirst, float* sum)
    {
        var to = new Span<float>(sum, slice.Length);
        if (isFirst)
        {
            slice.CopyTo(to);
        }
        else
        {
            TensorPrimitives.Add(to, slice, to);
        }
    }

    private static void Divide(float* sum, int length, int examples)
    {
        var mean = new Span<float>(sum, length);
        TensorPrimitives.Multiply(mean, 1f / examples, mean);
    }
}
