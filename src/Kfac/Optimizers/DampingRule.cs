using System.Numerics.Tensors;
using Kfac.Memory;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>Levenberg-Marquardt adaptation of the damping; see <see cref="DampingAdaptation.LevenbergMarquardt"/>.</summary>
/// <param name="network">What is trained.</param>
/// <param name="loss">Its loss.</param>
/// <param name="chunks">Who adds up.</param>
/// <param name="model">The quadratic model without its L2 term.</param>
/// <param name="l2">Factor of the L2 term ½·l2·|w|², whose gradient is part of the network's.</param>
/// <param name="least">The damping is never less.</param>
internal sealed class DampingRule(Network network, SoftmaxCrossEntropy loss, Chunks chunks, QuadraticModel model, float l2, float least)
{
    private const int Period = 5;

    private const float Calibration = 10, MaxDamping = 1e6f;

    private static readonly float Factor = MathF.Pow(0.95f, Period);

    private readonly AlignedBuffer _step = new(network.Store.Length);
    private readonly float[] _tangent = new float[loss.Classes * network.Capacity];
    private int _lastTrend;
    private bool _isCalibrating = true;

    /// <summary>Whether the measurements so far have all pointed the same way.</summary>
    public bool IsCalibrating => _isCalibrating;

    /// <summary>ρ of the last measurement.</summary>
    public double ReductionRatio { get; private set; } = double.NaN;

    public void CaptureOrRestore(StateDictionary state)
    {
        state.CaptureOrRestore("dampingTrend", ref _lastTrend);
        state.CaptureOrRestore("dampingIsCalibrating", ref _isCalibrating);
        state.RequirePossible(_lastTrend is >= -1 and <= 1);
    }

    /// <summary>Whether the step is one to measure.</summary>
    public bool IsDue(long step) => _isCalibrating || step % Period == 0;

    /// <summary>The damping for the next steps.</summary>
    /// <param name="damping">λ so far.</param>
    /// <param name="before">The parameters before the step; the network holds those after it.</param>
    /// <param name="lossBefore">Mean loss of the batch before the step.</param>
    /// <param name="labels">The batch's classes.</param>
    public float Adapt(float damping, ReadOnlySpan<float> before, double lossBefore, ReadOnlySpan<int> labels)
    {
        ReductionRatio = Measure(before, lossBefore, labels);
        int trend = ReductionRatio > 0.75 ? -1 : ReductionRatio < 0.25 ? 1 : 0;
        _isCalibrating &= trend != 0 && trend != -_lastTrend;
        _lastTrend = trend;
        float change = _isCalibrating ? Calibration : 1 / Factor;
        return Math.Clamp(trend > 0 ? damping * change : trend < 0 ? damping / change : damping, least, Math.Max(least, MaxDamping));
    }

    /// <returns>ρ; NaN where the model predicts no decrease.</returns>
    private double Measure(ReadOnlySpan<float> before, double lossBefore, ReadOnlySpan<int> labels)
    {
        Span<float> values = network.Store.Values.Span;
        TensorPrimitives.Subtract(values, before, _step.Span);
        before.CopyTo(values);
        model.Tangent(_step.Span, labels.Length, _tangent);
        (double slope, double curvature) = Penalty();
        double predicted = 0.5 * (model.Curvature(_tangent, _tangent, labels.Length) + curvature) + chunks.Dot(network.Store.Gradients.Span, _step.Span);
        TensorPrimitives.Add(before, _step.Span, values);
        network.Store.MarkChanged();
        network.RepeatForward();
        TensorPrimitives.Add(before, _step.Span, values);
        double change = loss.Forward(network.Logits, labels).LossSum / labels.Length - lossBefore + slope + 0.5 * curvature;
        return !double.IsFinite(change) ? double.NegativeInfinity : predicted < 0 ? change / predicted : double.NaN;
    }

    /// <summary>First and second derivative of the L2 term along the step, at the parameters before it.</summary>
    private (double Slope, double Curvature) Penalty()
    {
        (double slope, double curvature) = (0, 0);
        foreach (Parameter weights in l2 == 0 ? [] : network.Parameters.Where(parameter => parameter.Kind == ParameterKind.Weights))
        {
            ReadOnlySpan<float> step = _step.Span.Slice(weights.Offset, weights.Length);
            slope += l2 * TensorPrimitives.Dot(weights.Values, step);
            curvature += l2 * TensorPrimitives.Dot(step, step);
        }

        return (slope, curvature);
    }
}
