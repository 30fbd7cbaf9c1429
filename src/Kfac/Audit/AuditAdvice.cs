using Kfac.Curvature;

namespace Kfac.Audit;

/// <summary>Which approximation and damping a curvature audit would choose for a layer, and why.</summary>
internal static class AuditAdvice
{
    /// <summary>A cheaper approximation is chosen where its step lowers the loss of other images by this part of the best one's.</summary>
    private const double GoodEnough = 0.9;

    /// <summary>The approximations, cheapest first.</summary>
    private static readonly FisherApproximation[] ByCost =
        [FisherApproximation.Diagonal, FisherApproximation.NaiveDiagonal, FisherApproximation.Kronecker, FisherApproximation.Ekfac, FisherApproximation.Full];

    /// <summary>The cheapest approximation that is good enough, with the damping at which its step lowers the loss of other images most; null where none does.</summary>
    public static BlockCurvature? Choose(IReadOnlyList<BlockCurvature> blocks)
    {
        BlockCurvature? best = blocks.MaxBy(block => block.DecreaseElsewhere);
        return best?.DecreaseElsewhere > 0
            ? BestOfEach(blocks).First(block => block.DecreaseElsewhere >= GoodEnough * best.DecreaseElsewhere)
            : null;
    }

    /// <summary>The choice in words.</summary>
    public static string Write(string layer, IReadOnlyList<BlockCurvature> blocks, BlockCurvature? choice, AuditSettings settings)
    {
        if (choice is null)
        {
            return CurvatureReport.Text($"{layer}: no step lowers the loss of other images; try a larger sample, or a larger damping than {settings.Dampings[^1]:G3}");
        }

        string unit = settings.DampingIsRelative ? " times the mean eigenvalue" : "";
        string advice = CurvatureReport.Text($"{layer}: {choice.Approximation} with a damping of {choice.RequestedDamping:G3}{unit}. Its step lowers the loss of other images by {choice.DecreaseElsewhere:G3}");
        IEnumerable<string> others = BestOfEach(blocks)
            .Where(block => block.Approximation != choice.Approximation)
            .Select(block => CurvatureReport.Text($"{block.Approximation} at {block.RequestedDamping:G3} by {Percent(block.DecreaseElsewhere / choice.DecreaseElsewhere)} of that"));
        advice = string.Join(", ", others.Prepend(advice)) + ".";
        if (choice.ReductionRatio < 0.25)
        {
            advice += CurvatureReport.Text($" The quadratic model promised much more (ratio {choice.ReductionRatio:F2}): a larger damping is safer.");
        }

        if (choice.StepLength is < 0.5 or > 2)
        {
            advice += choice.StepLength < 1
                ? CurvatureReport.Text($" The block's own step is {1 / choice.StepLength:G2} times too long: learning rate or norm constraint must shorten it.")
                : CurvatureReport.Text($" The block's own step is {choice.StepLength:G2} times too short.");
        }

        if (settings.Dampings.Count > 1 && (choice.RequestedDamping == settings.Dampings[0] || choice.RequestedDamping == settings.Dampings[^1]))
        {
            advice += $" That is the {(choice.RequestedDamping == settings.Dampings[0] ? "smallest" : "largest")} damping tried: there may be a better one beyond.";
        }

        return advice;
    }

    /// <summary>Each approximation at the damping at which its step lowers the loss of other images most, cheapest first.</summary>
    private static IEnumerable<BlockCurvature> BestOfEach(IReadOnlyList<BlockCurvature> blocks) =>
        ByCost.Select(approximation => blocks.Where(block => block.Approximation == approximation).MaxBy(block => block.DecreaseElsewhere)).OfType<BlockCurvature>();

    private static string Percent(double part) => CurvatureReport.Text($"{100 * part:F0} %");
}
