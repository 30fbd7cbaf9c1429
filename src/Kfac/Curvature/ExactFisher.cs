using System.Numerics.Tensors;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Running;

namespace Kfac.Curvature;

/// <summary>A network with a batch of images in its input, and their labels.</summary>
internal sealed record LabelledBatch(Network Network, int[] Labels);

/// <summary>
/// The exact Fisher of one layer's parameters on the examples in a network's input, as an operator:
/// F v = (1/N) sum_n J_nᵀ (diag p_n - p_n p_nᵀ) J_n v, J_n [classes, D] the derivative of the logits.
/// </summary>
/// <remarks>
/// J v is a central difference of the logits, Jᵀ a backward pass: any kind of layer will do, and nothing is shared with
/// the blocks that are judged by it. Behind the layer a network with rectifiers is linear chunk by chunk, so that only
/// what crosses a kink, and single precision, err. The difference's step is therefore chosen by what it does to the
/// logits: much more than their rounding, and little enough that few rectifiers change their minds.
/// </remarks>
internal sealed class ExactFisher
{
    /// <summary>The change of the logits that a step is to make, root mean square, relative to the logits' own or 1.</summary>
    private const double WantedChange = 5e-4;

    /// <summary>Longest step, relative to the layer's parameters.</summary>
    private const double LongestStep = 1e-2;

    private readonly Network _network;
    private readonly SoftmaxCrossEntropy _loss;
    private readonly SoftmaxCrossEntropy _moved;
    private readonly Parameter[] _parameters;
    private readonly int _examples;
    private readonly float[] _values;
    private readonly float[] _logits, _above, _below;
    private readonly double _wantedChange, _longestStep;
    private double _step;

    /// <param name="network">With memory for backward passes, the examples in its input. Its parameters are moved, and moved back.</param>
    /// <param name="loss">Left with the examples' probabilities.</param>
    /// <param name="layer">One with parameters.</param>
    /// <param name="examples">N.</param>
    public ExactFisher(Network network, SoftmaxCrossEntropy loss, Layer layer, int examples)
    {
        (_network, _loss, _examples) = (network, loss, examples);
        _moved = new SoftmaxCrossEntropy(loss.Classes, examples);
        _parameters = [.. layer.Parameters];
        Size = _parameters.Sum(parameter => parameter.Length);
        _values = new float[Size];
        Read(parameter => parameter.Values, _values);
        (_logits, _above, _below) = (new float[examples * loss.Classes], new float[examples * loss.Classes], new float[examples * loss.Classes]);
        ForwardAtRest();
        loss.Normalize(network.Logits, examples);
        ReadLogits(_logits);
        _wantedChange = WantedChange * Math.Max(1, RootMeanSquare(_logits));
        float norm = TensorPrimitives.Norm<float>(_values);
        _step = _longestStep = LongestStep * (norm > 0 ? norm : 1);
    }

    /// <summary>D: the layer's parameters, weights first, then the bias.</summary>
    public int Size { get; }

    /// <summary>
    /// ‖f₊ - 2 f₀ + f₋‖ / ‖f₊ - f₋‖ of the last difference's logits: how far its two halves disagree, which bounds about what
    /// kinks and rounding did to it.
    /// </summary>
    public double DifferenceError { get; private set; }

    /// <summary>result = F v; leaves the network as a forward and a backward pass do.</summary>
    public void Multiply(ReadOnlySpan<float> vector, Span<float> result)
    {
        float length = TensorPrimitives.Norm(vector);
        if (length == 0)
        {
            result.Clear();
            return;
        }

        double step = MeasureDifference(vector, length);
        ForwardAtRest();
        WriteLogitsGradient(0.5 * length / step);
        _network.Backward(BackwardQuantities.Gradient);
        Read(parameter => parameter.Gradient, result);
    }

    /// <summary>The gradient of the examples' mean loss; leaves the network as a forward and a backward pass do.</summary>
    public void Gradient(ReadOnlySpan<int> labels, Span<float> result)
    {
        ForwardAtRest();
        _loss.WriteGradient(labels, _network.LogitsGradient!);
        _network.Backward(BackwardQuantities.Gradient);
        Read(parameter => parameter.Gradient, result);
    }

    /// <summary>
    /// The mean loss of a batch with the layer's parameters moved by <paramref name="scale"/> · <paramref name="direction"/>;
    /// leaves the network as a forward pass does.
    /// </summary>
    public double LossAt(ReadOnlySpan<float> direction, float scale, LabelledBatch batch)
    {
        Move(direction, scale);
        Forward(batch.Network);
        double loss = _moved.Forward(batch.Network.Logits, batch.Labels).LossSum / _examples;
        ForwardAtRest();
        return loss;
    }

    /// <summary>Logits on both sides of the parameters, at a distance that changes them by about as much as is wanted.</summary>
    /// <returns>The distance.</returns>
    private double MeasureDifference(ReadOnlySpan<float> vector, float length)
    {
        const int MaxTries = 4;
        for (int i = 0; ; i++)
        {
            double step = _step;
            LogitsAt(vector, (float)(step / length), _above);
            LogitsAt(vector, (float)(-step / length), _below);
            double change = 0, disagreement = 0;
            for (int j = 0; j < _logits.Length; j++)
            {
                double difference = (double)_above[j] - _below[j], second = (double)_above[j] - 2.0 * _logits[j] + _below[j];
                change += difference * difference;
                disagreement += second * second;
            }

            DifferenceError = change > 0 ? Math.Sqrt(disagreement / change) : 0;
            change = Math.Sqrt(change / _logits.Length) / 2;
            double wanted = Math.Min(_longestStep, change > 0 ? step * _wantedChange / change : _longestStep);
            _step = wanted;
            if (i == MaxTries || (wanted < 4 * step && step < 4 * wanted))
            {
                return step;
            }
        }
    }

    private void LogitsAt(ReadOnlySpan<float> direction, float scale, Span<float> logits)
    {
        Move(direction, scale);
        Forward(_network);
        ReadLogits(logits);
    }

    /// <summary>Logits' gradient = (diag p - p pᵀ) · scale (f₊ - f₋).</summary>
    private void WriteLogitsGradient(double scale)
    {
        int classes = _loss.Classes;
        for (int n = 0; n < _examples; n++)
        {
            ReadOnlySpan<float> p = _loss.Probabilities(n);
            Span<float> row = _network.LogitsGradient!.Row(n, 0);
            double mean = 0;
            for (int c = 0; c < classes; c++)
            {
                mean += p[c] * scale * ((double)_above[n * classes + c] - _below[n * classes + c]);
            }

            for (int c = 0; c < classes; c++)
            {
                row[c] = (float)(p[c] * (scale * ((double)_above[n * classes + c] - _below[n * classes + c]) - mean));
            }
        }
    }

    private void ForwardAtRest()
    {
        Move(_values, 0);
        Forward(_network);
    }

    /// <summary>A pass as in training, always the first: what is dropped at random is the same each time.</summary>
    private void Forward(Network network)
    {
        network.TrainingPasses = 0;
        network.Forward(_examples, isTraining: true);
    }

    private void Move(ReadOnlySpan<float> direction, float scale)
    {
        int offset = 0;
        foreach (Parameter parameter in _parameters)
        {
            TensorPrimitives.MultiplyAdd(direction.Slice(offset, parameter.Length), scale, _values.AsSpan(offset, parameter.Length), parameter.MutableValues);
            offset += parameter.Length;
        }

        _network.Store.MarkChanged();
    }

    private void Read(Func<Parameter, ReadOnlySpan<float>> what, Span<float> destination)
    {
        int offset = 0;
        foreach (Parameter parameter in _parameters)
        {
            what(parameter).CopyTo(destination[offset..]);
            offset += parameter.Length;
        }
    }

    private void ReadLogits(Span<float> logits)
    {
        for (int n = 0; n < _examples; n++)
        {
            _network.Logits.Row(n, 0).CopyTo(logits[(n * _loss.Classes)..]);
        }
    }

    private static double RootMeanSquare(ReadOnlySpan<float> values) => TensorPrimitives.Norm(values) / Math.Sqrt(values.Length);
}
