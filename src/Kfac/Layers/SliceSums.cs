using System.Numerics.Tensors;

namespace Kfac.Layers;

/// <summary>
/// Sums over the examples of each slice of a batch: a layer's gradients and, behind them, the squares of the examples'
/// own gradients. The slices are added up in their order: the same bits for any number of workers.
/// </summary>
internal sealed unsafe class SliceSums
{
    private readonly Parameter[] _parameters;
    private readonly int[] _offsets;
    private readonly int _stride;
    private readonly AlignedBuffer[] _slices;

    /// <param name="parameters">Whose gradients.</param>
    public SliceSums(Parameter[] parameters)
    {
        _parameters = parameters;
        _offsets = new int[parameters.Length];
        for (int p = 0; p < parameters.Length; p++)
        {
            _offsets[p] = _stride;
            _stride += AlignedBuffer.RoundUp(parameters[p].Length);
        }

        _slices = [.. Enumerable.Range(0, Network.MostSlices).Select(_ => new AlignedBuffer(2 * _stride))];
    }

    /// <summary>Sets the sums of <paramref name="slice"/> to zero.</summary>
    public void Begin(int slice) => _slices[slice].Span.Clear();

    /// <summary>Where a slice gathers the gradient of a parameter; null where it is not wanted or there is no such parameter.</summary>
    public float* Gradient(int slice, int parameter, BackwardQuantities quantities) =>
        quantities.HasFlag(BackwardQuantities.Gradient) && parameter < _parameters.Length ? _slices[slice].Pointer + _offsets[parameter] : null;

    /// <summary>The same for the squares.</summary>
    public float* Squares(int slice, int parameter, BackwardQuantities quantities) =>
        quantities.HasFlag(BackwardQuantities.SquaredGradient) && parameter < _parameters.Length ? _slices[slice].Pointer + _stride + _offsets[parameter] : null;

    /// <summary>Adds up the first <paramref name="slices"/> slices into the parameters' store, as means over <paramref name="examples"/>.</summary>
    public void Reduce(int slices, int examples, BackwardQuantities quantities)
    {
        for (int p = 0; p < _parameters.Length; p++)
        {
            Parameter parameter = _parameters[p];
            if (quantities.HasFlag(BackwardQuantities.Gradient))
            {
                Mean(slices, _offsets[p], examples, new Span<float>(parameter.GradientPointer, parameter.Length));
            }

            if (quantities.HasFlag(BackwardQuantities.SquaredGradient))
            {
                Mean(slices, _stride + _offsets[p], examples, new Span<float>(parameter.SquaredGradientPointer, parameter.Length));
            }
        }
    }

    private void Mean(int slices, int offset, int examples, Span<float> mean)
    {
        _slices[0].Span.Slice(offset, mean.Length).CopyTo(mean);
        for (int slice = 1; slice < slices; slice++)
        {
            TensorPrimitives.Add(mean, _slices[slice].Span.Slice(offset, mean.Length), mean);
        }

        TensorPrimitives.Multiply(mean, 1f / examples, mean);
    }
}
