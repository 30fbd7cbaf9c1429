using System.Numerics.Tensors;
using Kfac.Curvature;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Optimizers;

/// <summary>
/// Learning rate and momentum from the batch's exact quadratic model: over d = α·v + μ·(last d), the minimum of
/// ½ dᵀ(F + λI)d - gᵀd, for the step w -= d (Martens and Grosse 2015, section 7).
/// </summary>
internal sealed class QuadraticMomentum(Network network, SoftmaxCrossEntropy loss, Chunks chunks, QuadraticModel model)
{
    private readonly float[] _naturalTangent = new float[loss.Classes * network.Capacity];
    private readonly float[] _lastTangent = new float[loss.Classes * network.Capacity];

    /// <summary>α of the last step.</summary>
    public double LearningRate { get; private set; }

    /// <summary>μ of the last step.</summary>
    public double Momentum { get; private set; }

    /// <summary>direction = α·natural + μ·direction.</summary>
    /// <param name="natural">v, the preconditioned gradient.</param>
    /// <param name="direction">The last step's d, zero before the first; overwritten by this one's.</param>
    /// <param name="examples">Examples of the batch.</param>
    /// <param name="blocks">The blocks, for their damping.</param>
    /// <returns>False where the result would not be finite; nothing is changed then.</returns>
    public bool Combine(AlignedBuffer natural, AlignedBuffer direction, int examples, FisherBlock[] blocks)
    {
        model.Tangent(natural.Span, examples, _naturalTangent);
        model.Tangent(direction.Span, examples, _lastTangent);
        double vv = model.Curvature(_naturalTangent, _naturalTangent, examples) + Damping(natural, natural, blocks);
        double vd = model.Curvature(_naturalTangent, _lastTangent, examples) + Damping(natural, direction, blocks);
        double dd = model.Curvature(_lastTangent, _lastTangent, examples) + Damping(direction, direction, blocks);
        double gv = chunks.Dot(network.Store.Gradients.Span, natural.Span), gd = chunks.Dot(network.Store.Gradients.Span, direction.Span);
        double determinant = vv * dd - vd * vd;
        bool independent = determinant > 1e-9 * vv * dd;

        // Without a gradient, as where every ReLU is off, there is no direction to go.
        double alpha = independent ? (gv * dd - gd * vd) / determinant : gv == 0 && vv == 0 ? 0 : gv / vv;
        double mu = independent ? (gd * vv - gv * vd) / determinant : 0;
        if (!double.IsFinite(alpha) || !double.IsFinite(mu))
        {
            return false;
        }

        (LearningRate, Momentum) = (alpha, mu);
        TensorPrimitives.Multiply(direction.Span, (float)mu, direction.Span);
        TensorPrimitives.MultiplyAdd(natural.Span, (float)alpha, direction.Span, direction.Span);
        return true;
    }

    /// <summary>dᵀ(λI)e, each block with its own λ.</summary>
    private static double Damping(AlignedBuffer left, AlignedBuffer right, FisherBlock[] blocks)
    {
        double sum = 0;
        foreach (FisherBlock block in blocks)
        {
            ParameterSpans d = ParameterSpans.Of(left, block.Layer!), e = ParameterSpans.Of(right, block.Layer!);
            sum += block.EffectiveDamping * (TensorPrimitives.Dot<float>(d.Weights, e.Weights) + TensorPrimitives.Dot<float>(d.Bias, e.Bias));
        }

        return sum;
    }
}
