using System.Numerics.Tensors;
using Kfac.Curvature;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Running;

namespace Kfac.Audit;

/// <summary>A network with a batch of images in its input, and their labels.</summary>
internal sealed record LabelledBatch(Network Network, int[] Labels);

/// <summary>The exact Fisher of one layer on a sample, to the accuracy that judging others by it takes.</summary>
/// <remarks>
/// The step of a difference is chosen by what it does to the logits: much more than their rounding, and so little that few ReLUs
/// switch.
/// </remarks>
internal sealed class LayerFisher
{
    /// <summary>The change of the logits that a step is to make, root mean square, relative to the logits' own or 1.</summary>
    private const double WantedChange = 5e-4;

    /// <summary>Longest step, relative to the layer's parameters.</summary>
    private const double LongestStep = 1e-2;

    private readonly LabelledBatch _sample;
    private readonly SoftmaxCrossEntropy _loss;
    private readonly SoftmaxCrossEntropy _moved;
    private readonly ExactFisher _fisher;
    private readonly float[] _logits;
    private readonly double _wantedChange, _longestStep;
    private double _step;

    /// <param name="sample">A network with memory for backward passes. Its parameters are moved, and moved back.</param>
    /// <param name="loss">Left with the examples' probabilities.</param>
    /// <param name="layer">One with parameters.</param>
    public LayerFisher(LabelledBatch sample, SoftmaxCrossEntropy loss, Layer layer)
    {
        (_sample, _loss) = (sample, loss);
        _moved = new SoftmaxCrossEntropy(loss.Classes, Examples);
        _fisher = ExactFisher.OfLayer(sample.Network, loss, layer);
        _logits = new float[Examples * loss.Classes];
        Forward();
        loss.Normalize(sample.Network.Logits, Examples);
        for (int n = 0; n < Examples; n++)
        {
            sample.Network.Logits.Row(n, 0).CopyTo(_logits.AsSpan(n * loss.Classes));
        }

        _wantedChange = WantedChange * Math.Max(1, RootMeanSquare(_logits));
        float[] values = [.. layer.Parameters.SelectMany(parameter => parameter.Values.ToArray())];
        float norm = TensorPrimitives.Norm<float>(values);
        _step = _longestStep = LongestStep * (norm > 0 ? norm : 1);
    }

    /// <summary>D: the layer's parameters, weights first, then the bias.</summary>
    public int Size => _fisher.Size;

    /// <summary>
    /// ‖f₊ - 2 f₀ + f₋‖ / ‖f₊ - f₋‖ of the last difference's logits: how far its two halves disagree, which bounds about what
    /// kinks and rounding did to it.
    /// </summary>
    public double DifferenceError { get; private set; }

    private int Examples => _sample.Labels.Length;

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
        _fisher.MultiplyDifference(0.5 * length / step, Examples, result);
    }

    /// <summary>The gradient of the examples' mean loss; leaves the network as a forward and a backward pass do.</summary>
    public void Gradient(Span<float> result)
    {
        Forward();
        _loss.WriteGradient(_sample.Labels, _sample.Network.LogitsGradient!);
        _sample.Network.Backward(BackwardQuantities.Gradient);
        _fisher.ReadGradient(result);
    }

    /// <summary>The mean loss of a batch, in a network that shares the parameters, with the layer's moved by <paramref name="scale"/> · <paramref name="direction"/>. The activations stay those of the moved parameters.</summary>
    public double LossAt(ReadOnlySpan<float> direction, float scale, LabelledBatch batch)
    {
        _fisher.Keep();
        _fisher.Move(direction, scale);
        Forward(batch.Network);
        double loss = _moved.Forward(batch.Network.Logits, batch.Labels).LossSum / Examples;
        _fisher.Restore();
        return loss;
    }

    /// <summary>Takes the sample through the network.</summary>
    public void Forward() => Forward(_sample.Network);

    /// <summary>Logits on both sides of the parameters, at a distance that changes them by about as much as is wanted.</summary>
    /// <returns>The distance.</returns>
    private double MeasureDifference(ReadOnlySpan<float> vector, float length)
    {
        const int MaxTries = 4;
        for (int i = 0; ; i++)
        {
            double step = _step, change = 0, disagreement = 0;
            LogitsPair logits = _fisher.Difference(vector, (float)(step / length), Examples);
            for (int j = 0; j < _logits.Length; j++)
            {
                double difference = (double)logits.Above[j] - logits.Below[j], second = (double)logits.Above[j] - 2.0 * _logits[j] + logits.Below[j];
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

    /// <summary>A pass as in training, always the first: what is dropped at random is the same each time.</summary>
    private void Forward(Network network)
    {
        network.TrainingPasses = 0;
        network.Forward(Examples, isTraining: true);
    }

    private static double RootMeanSquare(ReadOnlySpan<float> values) => TensorPrimitives.Norm(values) / Math.Sqrt(values.Length);
}
