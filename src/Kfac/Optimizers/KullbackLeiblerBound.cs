using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Optimizers;

/// <summary>
/// v *= min(1, √(c / (α²·v·g))) for the parameters of each group: v·g stands for vᵀ F v, twice the change of the predictions in KL
/// divergence. α is taken before the schedule's factor, so that the schedule still shortens a step that the bound has shortened.
/// </summary>
internal sealed class KullbackLeiblerBound(Chunks chunks, KullbackLeiblerBound.Group[] groups)
{
    /// <summary>Bounds the preconditioned gradient.</summary>
    /// <param name="natural">v, scaled down where it is too long; as long as the store's arrays, like <paramref name="gradient"/>.</param>
    /// <param name="gradient">g.</param>
    /// <returns>False where v or g is not finite.</returns>
    public bool Apply(AlignedBuffer natural, AlignedBuffer gradient)
    {
        foreach (Group group in groups)
        {
            double squaredNorm = 0;
            foreach ((Parameter parameter, float learningRate) in group.Members)
            {
                squaredNorm += (double)learningRate * learningRate * chunks.Dot(SpanOf(natural, parameter), SpanOf(gradient, parameter));
            }

            if (!double.IsFinite(squaredNorm))
            {
                return false;
            }

            // Rounding may leave a product that is next to nothing below 0.
            double factor = Math.Sqrt(group.Bound / Math.Abs(squaredNorm));
            for (int i = 0; factor < 1 && i < group.Members.Length; i++)
            {
                chunks.Scale(SpanOf(natural, group.Members[i].Parameter), (float)factor);
            }
        }

        return true;
    }

    private static Span<float> SpanOf(AlignedBuffer buffer, Parameter parameter) => buffer.Span.Slice(parameter.Offset, parameter.Length);

    /// <summary>Parameters that are bounded together.</summary>
    /// <param name="Bound">c; infinite for none.</param>
    /// <param name="Members">The parameters, each with its α.</param>
    public sealed record Group(double Bound, (Parameter Parameter, float LearningRate)[] Members);
}
