using System.Numerics;
using Kfac.Layers;

namespace Kfac.Optimizers;

/// <summary>m = β₁·m + (1-β₁)·g, v = β₂·v + (1-β₂)·g², w -= α·m̂ / (√v̂ + ε), with m̂ and v̂ freed of their zero start.</summary>
internal sealed class AdamOptimizer(Network network, AdamOptions options) : Optimizer(network)
{
    private readonly AlignedBuffer _mean = new(network.Store.Length);
    private readonly AlignedBuffer _square = new(network.Store.Length);
    private float _caution = 1;
    private int _steps;

    private protected override bool Update(ReadOnlySpan<int> labels, float scheduleFactor)
    {
        ComputeGradient(labels);
        _steps++;
        float rate = _caution * scheduleFactor * options.LearningRate;
        DecayWeights(rate, options.WeightDecay);
        float step = (float)(rate / (1 - Math.Pow(options.Beta1, _steps)));
        float debias = (float)(1 / Math.Sqrt(1 - Math.Pow(options.Beta2, _steps)));
        Move(Store.Gradients.Span, _mean.Span, _square.Span, Store.Values.Span, step, debias);
        return true;
    }

    private protected override string BecomeCareful()
    {
        _mean.Span.Clear();
        _square.Span.Clear();
        _steps = 0;
        _caution /= 2;
        return $"the learning rate is now multiplied by {_caution}";
    }

    /// <summary>The store's arrays all have whole vectors: their length is a multiple of 16.</summary>
    private void Move(Span<float> gradients, Span<float> means, Span<float> squares, Span<float> values, float step, float debias)
    {
        var keepMean = new Vector<float>(options.Beta1);
        var keepSquare = new Vector<float>(options.Beta2);
        var epsilon = new Vector<float>(options.Epsilon);
        for (int i = 0; i < values.Length; i += Vector<float>.Count)
        {
            var gradient = new Vector<float>(gradients[i..]);
            Vector<float> mean = gradient + keepMean * (new Vector<float>(means[i..]) - gradient);
            Vector<float> squared = gradient * gradient;
            Vector<float> square = squared + keepSquare * (new Vector<float>(squares[i..]) - squared);
            Vector<float> value = new Vector<float>(values[i..]) - mean * step / (Vector.SquareRoot(square) * debias + epsilon);
            mean.CopyTo(means[i..]);
            square.CopyTo(squares[i..]);
            value.CopyTo(values[i..]);
        }
    }
}
