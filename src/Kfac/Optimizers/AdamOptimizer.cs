using System.Numerics;
using Kfac.Layers;
using Kfac.Parallel;

namespace Kfac.Optimizers;

/// <summary>m = β₁·m + (1-β₁)·g, v = β₂·v + (1-β₂)·g², w -= α·m̂ / (√v̂ + ε), with m̂ and v̂ freed of their zero start.</summary>
internal sealed class AdamOptimizer : Optimizer
{
    private readonly AdamOptions _options;
    private readonly AlignedBuffer _mean;
    private readonly AlignedBuffer _square;
    private readonly PieceAction _movePiece;
    private float _caution = 1;
    private int _steps;
    private float _step;
    private float _debias;

    public AdamOptimizer(Network network, AdamOptions options)
        : base(network)
    {
        _options = options;
        _mean = new AlignedBuffer(network.Store.Length);
        _square = new AlignedBuffer(network.Store.Length);
        _movePiece = MovePiece;
    }

    private protected override bool Update(ReadOnlySpan<int> labels, float scheduleFactor)
    {
        ComputeGradient(labels);
        _steps++;
        float rate = _caution * scheduleFactor * _options.LearningRate;
        DecayWeights(rate, _options.WeightDecay);
        _step = (float)(rate / (1 - Math.Pow(_options.Beta1, _steps)));
        _debias = (float)(1 / Math.Sqrt(1 - Math.Pow(_options.Beta2, _steps)));
        Pieces.Run(Store.Length, _movePiece);
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

    /// <summary>The store's arrays, and so their pieces, all have whole vectors: their length is a multiple of 16.</summary>
    private void MovePiece(int start, int length)
    {
        Span<float> gradients = Store.Gradients.Span, means = _mean.Span, squares = _square.Span, values = Store.Values.Span;
        var keepMean = new Vector<float>(_options.Beta1);
        var keepSquare = new Vector<float>(_options.Beta2);
        var epsilon = new Vector<float>(_options.Epsilon);
        for (int i = start; i < start + length; i += Vector<float>.Count)
        {
            var gradient = new Vector<float>(gradients[i..]);
            Vector<float> mean = gradient + keepMean * (new Vector<float>(means[i..]) - gradient);
            Vector<float> squared = gradient * gradient;
            Vector<float> square = squared + keepSquare * (new Vector<float>(squares[i..]) - squared);
            Vector<float> value = new Vector<float>(values[i..]) - mean * _step / (Vector.SquareRoot(square) * _debias + epsilon);
            mean.CopyTo(means[i..]);
            square.CopyTo(squares[i..]);
            value.CopyTo(values[i..]);
        }
    }
}
