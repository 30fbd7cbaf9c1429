using System.Numerics;
using Kfac.Memory;

namespace Kfac.Optimizers;

/// <summary>m = β₁·m + (1-β₁)·g, v = β₂·v + (1-β₂)·g², w -= α·m̂ / (√v̂ + ε), with m̂ and v̂ freed of their zero start.</summary>
internal sealed class AdamMoments(ParameterStore store, float beta1, float beta2, float epsilon)
{
    private readonly AlignedBuffer _mean = new(store.Length);
    private readonly AlignedBuffer _square = new(store.Length);
    private int _steps;
    private float _step;
    private float _debias;

    public void CaptureOrRestore(StateDictionary state)
    {
        state.CaptureOrRestore("mean", _mean.Span);
        state.CaptureOrRestore("square", _square.Span);
        state.CaptureOrRestore("adamSteps", ref _steps);
        state.RequirePossible(_steps >= 0 && !_square.Span.ContainsAnyInRange(float.NegativeInfinity, -float.Epsilon));
    }

    /// <summary>Comes before the chunks of a step.</summary>
    /// <param name="rate">α.</param>
    public void BeginStep(float rate)
    {
        _steps++;
        _step = (float)(rate / (1 - Math.Pow(beta1, _steps)));
        _debias = (float)(1 / Math.Sqrt(1 - Math.Pow(beta2, _steps)));
    }

    /// <summary>Moves some of the store's values. The store's arrays, and so their chunks, all have whole vectors: their length is a multiple of 16.</summary>
    public void MoveChunk(int start, int length)
    {
        Span<float> gradients = store.Gradients.Span, means = _mean.Span, squares = _square.Span, values = store.Values.Span;
        var keepMean = new Vector<float>(beta1);
        var keepSquare = new Vector<float>(beta2);
        var floor = new Vector<float>(epsilon);
        for (int i = start; i < start + length; i += Vector<float>.Count)
        {
            var gradient = new Vector<float>(gradients[i..]);
            Vector<float> mean = gradient + keepMean * (new Vector<float>(means[i..]) - gradient);
            Vector<float> squared = gradient * gradient;
            Vector<float> square = squared + keepSquare * (new Vector<float>(squares[i..]) - squared);
            Vector<float> value = new Vector<float>(values[i..]) - mean * _step / (Vector.SquareRoot(square) * _debias + floor);
            mean.CopyTo(means[i..]);
            square.CopyTo(squares[i..]);
            value.CopyTo(values[i..]);
        }
    }

    public void Forget()
    {
        _mean.Span.Clear();
        _square.Span.Clear();
        _steps = 0;
    }
}
