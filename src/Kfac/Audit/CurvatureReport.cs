using System.Globalization;
using Kfac.Curvature;

namespace Kfac.Audit;

/// <summary>What a curvature audit found, layer by layer.</summary>
/// <param name="Examples">Examples in the sample.</param>
/// <param name="Loss">Their mean cross-entropy, in nats.</param>
/// <param name="LossElsewhere">That of as many other images, on which steps are tried.</param>
/// <param name="EstimationMode">How the blocks' statistics were estimated; the Fisher they are compared with is always the exact one.</param>
/// <param name="Layers">The layers with parameters, first layer first.</param>
public sealed record CurvatureReport(int Examples, double Loss, double LossElsewhere, EstimationMode EstimationMode, IReadOnlyList<LayerCurvature> Layers)
{
    /// <summary>Writes a table for each layer, and what is advised in words.</summary>
    public void WriteTable(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteLine(Text($"Curvature of {Examples} examples, mean loss {Loss:G4} (of as many others {LossElsewhere:G4}); blocks estimated in the {EstimationMode} mode"));
        writer.WriteLine("F v, F g        relative error of the block's product with random vectors, and with the gradient");
        writer.WriteLine("inv v, inv g    the same of (F + damping)^-1");
        writer.WriteLine("length          what the block's own step has to be multiplied by to be as long as the exact quadratic model wants it");
        writer.WriteLine("model, actual   by how much that step lowers the loss, by the model and in fact; ratio: the second over the first");
        writer.WriteLine("others          by how much it lowers the loss of the other images: the choice, marked *, goes by this");
        writer.WriteLine("share           of the decrease that the exact inverse promises with the same damping");
        foreach (LayerCurvature layer in Layers)
        {
            writer.WriteLine();
            layer.WriteTable(writer);
        }
    }

    /// <summary>The table as text.</summary>
    public override string ToString()
    {
        using var writer = new StringWriter(CultureInfo.InvariantCulture);
        WriteTable(writer);
        return writer.ToString();
    }

    internal static string Text(FormattableString text) => FormattableString.Invariant(text);
}

/// <summary>The exact Fisher F of one layer's parameters on the sample, and how its approximations fare.</summary>
/// <param name="Layer">The layer's name, as in <c>conv2d_1</c>.</param>
/// <param name="Parameters">D: number of parameters.</param>
/// <param name="GradientNorm">Length of the gradient of the sample's mean loss.</param>
/// <param name="Trace">Sum of F's eigenvalues.</param>
/// <param name="LargestEigenvalue">An estimate from below, by Lanczos's method.</param>
/// <param name="EffectiveRank">Trace over largest eigenvalue: how many eigenvalues as large as that would make up the trace.</param>
/// <param name="RankBound">F cannot have more eigenvalues that are not 0: D, or N (classes - 1) where that is less.</param>
/// <param name="DifferenceError">Relative error of the exact products themselves, which come from differences in single precision: errors of this order in the table mean nothing.</param>
/// <param name="Blocks">An entry for each approximation and damping.</param>
/// <param name="LeftOut">Approximations that were asked for and are not in the table, each with the reason.</param>
/// <param name="Approximation">The approximation that the audit would choose; null where none lowers the loss of other images.</param>
/// <param name="Damping">The damping it would choose with it.</param>
/// <param name="Advice">The choice in words, with its reasons.</param>
public sealed record LayerCurvature(
    string Layer, int Parameters, double GradientNorm, double Trace, double LargestEigenvalue, double EffectiveRank, int RankBound, double DifferenceError,
    IReadOnlyList<BlockCurvature> Blocks, IReadOnlyList<string> LeftOut, FisherApproximation? Approximation, double? Damping, string Advice)
{
    internal void WriteTable(TextWriter writer)
    {
        writer.WriteLine(CurvatureReport.Text(
            $"{Layer}, {Parameters} parameters: trace {Trace:G4}, largest eigenvalue {LargestEigenvalue:G4}, effective rank {EffectiveRank:G3} of at most {RankBound}, gradient {GradientNorm:G3}, products exact to {DifferenceError:G1}"));
        writer.WriteLine(CurvatureReport.Text(
            $"  {"approximation",-14}{"damping",10}{"condition",11}{"trace",10}{"F v",9}{"F g",9}{"inv v",9}{"inv g",9}{"length",10}{"model",10}{"actual",10}{"ratio",8}{"others",10}{"share",7}"));
        foreach (BlockCurvature block in Blocks)
        {
            string chosen = block.Approximation == Approximation && block.RequestedDamping == Damping ? "*" : " ";
            writer.WriteLine(CurvatureReport.Text(
                $"{chosen} {block.Approximation,-14}{block.Damping,10:G3}{block.Condition,11:G3}{block.Trace,10:G3}{block.ProductError,9:G2}{block.GradientProductError,9:G2}{block.InverseError,9:G2}{block.GradientInverseError,9:G2}{block.StepLength,10:G3}{block.PredictedDecrease,10:G3}{block.ActualDecrease,10:G3}{block.ReductionRatio,8:F2}{block.DecreaseElsewhere,10:G3}{100 * block.ShareOfExactDecrease,5:F0} %"));
        }

        foreach (string line in LeftOut.Append(Advice))
        {
            writer.WriteLine($"  {line}");
        }
    }
}

/// <summary>One approximation F̂ of a layer's Fisher F, with one damping λ. Relative errors are Euclidean.</summary>
/// <param name="Approximation">Which.</param>
/// <param name="RequestedDamping">λ as it was asked for.</param>
/// <param name="Damping">λ as it is added, to F as to F̂.</param>
/// <param name="Condition">Of F + λI: its largest eigenvalue over its smallest.</param>
/// <param name="Trace">Of F̂.</param>
/// <param name="ProductError">‖F̂v - Fv‖ / ‖Fv‖ over random vectors v, without damping.</param>
/// <param name="GradientProductError">The same with the gradient g.</param>
/// <param name="InverseError">The same of (F̂ + λI)⁻¹ v and (F + λI)⁻¹ v.</param>
/// <param name="GradientInverseError">The same with the gradient g.</param>
/// <param name="SolverError">Largest relative residual of the exact inverses that these errors refer to.</param>
/// <param name="StepLength">α, at which the quadratic model -α gᵀd + ½ α² dᵀ(F + λI)d of the block's own step d = (F̂ + λI)⁻¹ g is least: 1 where F̂ = F.</param>
/// <param name="PredictedDecrease">By how much the model falls at that α.</param>
/// <param name="ActualDecrease">By how much the sample's mean loss falls, of the layer moved by -α d; negative where it rises.</param>
/// <param name="DecreaseElsewhere">The same of the other images' mean loss.</param>
/// <param name="ShareOfExactDecrease">The predicted decrease as a part of ½ gᵀ(F + λI)⁻¹g, that of the exact inverse: the squared cosine between both steps in the metric F + λI.</param>
public sealed record BlockCurvature(
    FisherApproximation Approximation, double RequestedDamping, double Damping, double Condition, double Trace, double ProductError, double GradientProductError,
    double InverseError, double GradientInverseError, double SolverError, double StepLength, double PredictedDecrease, double ActualDecrease, double DecreaseElsewhere, double ShareOfExactDecrease)
{
    /// <summary>The actual decrease over the predicted one: 1 where the quadratic model is right, under ¼ where λ should be larger.</summary>
    public double ReductionRatio => ActualDecrease / PredictedDecrease;
}
