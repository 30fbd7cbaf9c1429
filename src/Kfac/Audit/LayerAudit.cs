using System.Numerics.Tensors;
using Kfac.Curvature;
using Kfac.Layers;
using Kfac.Running;

namespace Kfac.Audit;

/// <summary>What a curvature audit compares.</summary>
/// <param name="Approximations">Which blocks.</param>
/// <param name="Dampings">Which λ, ascending.</param>
/// <param name="DampingIsRelative">Whether they are multiples of the exact Fisher's mean eigenvalue.</param>
/// <param name="EstimationMode">How the blocks' statistics are estimated.</param>
/// <param name="Vectors">How many random vectors.</param>
/// <param name="MaxProducts">Most products with F for the exact inverse of a vector.</param>
/// <param name="LargestMatrix">Blocks that would have to factorise a matrix of more rows are left out.</param>
/// <param name="Seed">Of vectors and sampled labels.</param>
internal sealed record AuditSettings(
    IReadOnlyList<FisherApproximation> Approximations, IReadOnlyList<float> Dampings, bool DampingIsRelative,
    EstimationMode EstimationMode, int Vectors, int MaxProducts, int LargestMatrix, int Seed);

/// <summary>
/// Audits one layer: curvature and gradient come from a sample, and what a step is worth shows on other images, which
/// are as many and meet the same parameters.
/// </summary>
internal sealed class LayerAudit
{
    /// <summary>Relative residual of an exact inverse that will do: that of the products.</summary>
    private const double Tolerance = 1e-3;

    private readonly Network _network;
    private readonly SoftmaxCrossEntropy _loss;
    private readonly Layer _layer;
    private readonly LabelledBatch _sample, _others;
    private readonly AuditSettings _settings;
    private readonly LayerFisher _fisher;
    private readonly float[] _gradient;
    private readonly double _lossAtRest, _otherLossAtRest;
    private readonly double _meanEigenvalue;

    /// <summary>Random vectors of length 1, and the gradient as the last.</summary>
    private readonly List<float[]> _vectors = [];
    private readonly List<KrylovSpace> _spaces = [];
    private double _differenceError;

    private LayerAudit(LabelledBatch sample, LabelledBatch others, SoftmaxCrossEntropy loss, Layer layer, AuditSettings settings)
    {
        (_network, _sample, _others, _loss, _layer, _settings) = (sample.Network, sample, others, loss, layer, settings);
        _fisher = new LayerFisher(sample, loss, layer);
        _gradient = new float[_fisher.Size];
        _fisher.Gradient(_gradient);
        _lossAtRest = _fisher.LossAt(_gradient, 0, sample);
        _otherLossAtRest = _fisher.LossAt(_gradient, 0, others);
        _meanEigenvalue = Estimate(FisherApproximation.Diagonal, EstimationMode.Exact).MeanEigenvalue;
    }

    /// <summary>Audits every layer that has parameters.</summary>
    /// <param name="sample">A network with memory for backward passes. Its parameters are moved, and moved back.</param>
    /// <param name="others">As many other images, in a network that shares the parameters.</param>
    /// <param name="settings">What to compare.</param>
    /// <param name="told">Told of each layer as soon as it is measured.</param>
    public static CurvatureReport Run(LabelledBatch sample, LabelledBatch others, AuditSettings settings, Action<LayerCurvature>? told)
    {
        var loss = new SoftmaxCrossEntropy(sample.Network.Spec.Output.Size, sample.Labels.Length);
        var layers = new List<LayerCurvature>();
        double lossAtRest = 0, otherLossAtRest = 0;
        foreach (Layer layer in sample.Network.Layers.Where(layer => layer.Parameters.Count > 0))
        {
            var audit = new LayerAudit(sample, others, loss, layer, settings);
            (lossAtRest, otherLossAtRest) = (audit._lossAtRest, audit._otherLossAtRest);
            layers.Add(audit.Run());
            told?.Invoke(layers[^1]);
        }

        return new CurvatureReport(sample.Labels.Length, lossAtRest, otherLossAtRest, settings.EstimationMode, layers);
    }

    private LayerCurvature Run()
    {
        double gradientNorm = TensorPrimitives.Norm<float>(_gradient);
        int rankBound = (int)Math.Min(_fisher.Size, (long)_sample.Labels.Length * (_loss.Classes - 1));
        if (!(gradientNorm > 0 && double.IsFinite(gradientNorm) && _meanEigenvalue > 0))
        {
            return new LayerCurvature(
                _layer.Name, _fisher.Size, gradientNorm, _meanEigenvalue * _fisher.Size, 0, 0, rankBound, 0, [], [], null, null,
                $"{_layer.Name}: no finite gradient of this sample reaches it, there is nothing to choose");
        }

        ExploreFisher();
        double largest = _spaces.Max(space => space.LargestEigenvalue), smallest = rankBound < _fisher.Size ? 0 : _spaces.Min(space => space.SmallestEigenvalue);
        var blocks = new List<BlockCurvature>();
        var leftOut = new List<string>();
        foreach (FisherApproximation approximation in _settings.Approximations)
        {
            string? reason = WhyNot(approximation);
            if (reason is null)
            {
                blocks.AddRange(Compare(approximation, lambda => (largest + lambda) / (smallest + lambda)));
            }
            else
            {
                leftOut.Add($"{approximation} is left out: {reason}");
            }
        }

        BlockCurvature? choice = AuditAdvice.Choose(blocks);
        return new LayerCurvature(
            _layer.Name, _fisher.Size, gradientNorm, _meanEigenvalue * _fisher.Size, largest, _meanEigenvalue * _fisher.Size / largest, rankBound, _differenceError,
            blocks, leftOut, choice?.Approximation, choice?.RequestedDamping, AuditAdvice.Write(_layer.Name, blocks, choice, _settings));
    }

    private void ExploreFisher()
    {
        var random = new SplitMix64(_settings.Seed, RandomStream.AuditVectors);
        for (int i = 0; i < _settings.Vectors; i++)
        {
            var vector = new float[_fisher.Size];
            foreach (ref float value in vector.AsSpan())
            {
                value = (float)random.NextGaussian();
            }

            TensorPrimitives.Divide(vector, TensorPrimitives.Norm<float>(vector), vector);
            _vectors.Add(vector);
        }

        _vectors.Add(_gradient);
        foreach (float[] vector in _vectors)
        {
            bool isFirst = true;
            _spaces.Add(new KrylovSpace(Multiply, vector, Lambda(_settings.Dampings[0]), Tolerance, _settings.MaxProducts));

            void Multiply(float[] v, float[] result)
            {
                _fisher.Multiply(v, result);
                _differenceError = isFirst ? Math.Max(_differenceError, _fisher.DifferenceError) : _differenceError;
                isFirst = false;
            }
        }
    }

    private string? WhyNot(FisherApproximation approximation)
    {
        if (approximation is FisherApproximation.Diagonal or FisherApproximation.NaiveDiagonal)
        {
            return null;
        }

        if (BlockShape.Of(_layer) is not { } shape || _layer is Conv2D { Spec.Groups: > 1 })
        {
            return $"it does not serve a {_layer.GetType().Name}{(_layer is Conv2D ? " in groups" : "")}";
        }

        int rows = approximation == FisherApproximation.Full ? _fisher.Size : Math.Max(shape.PatchLength, shape.Outputs);
        return rows > _settings.LargestMatrix ? $"it would have to factorise a matrix of {rows} rows, more than {_settings.LargestMatrix}" : null;
    }

    /// <summary>The layer's block with the sample as its one statistic.</summary>
    private FisherBlock Estimate(FisherApproximation approximation, EstimationMode mode)
    {
        var layers = new LayerCollection { EmaDecay = 0, Workers = _network.Workers };
        FisherBlock block = layers.CreateBlock(_layer, approximation);
        _fisher.Forward();
        new FisherEstimator(_network, _loss, layers, mode, _settings.Seed).UpdateCurvatureAndGradient(_sample.Labels, step: 0);
        if (block is EkfacFB)
        {
            // Its second moments are taken in a basis, and the basis from a first statistic, which is the same one here.
            block.RefreshInverse();
            new FisherEstimator(_network, _loss, layers, mode, _settings.Seed).UpdateCurvatureAndGradient(_sample.Labels, step: 0);
        }

        return block;
    }

    private IEnumerable<BlockCurvature> Compare(FisherApproximation approximation, Func<double, double> condition)
    {
        FisherBlock block = Estimate(approximation, _settings.EstimationMode);
        block.Damping = 0;
        double[] products = Errors(space => space.Product, (v, result) => block.MultiplyMatrixPower(Spans(v), Spans(result), 1));
        foreach (float damping in _settings.Dampings)
        {
            double lambda = Lambda(damping);
            block.Damping = (float)lambda;
            if (block is not EkfacFB)
            {
                block.RefreshInverse();
            }

            double[] inverses = Errors(space => space.Solve(lambda), (v, result) => block.MultiplyMatrixPower(Spans(v), Spans(result), -1));
            (double length, double predicted, double actual, double elsewhere) = Step(block, lambda);
            double most = 0.5 * TensorPrimitives.Dot<float>(_gradient, _spaces[^1].Solve(lambda));
            yield return new BlockCurvature(
                approximation, damping, lambda, condition(lambda), block.MeanEigenvalue * _fisher.Size, products[0], products[1], inverses[0], inverses[1],
                _spaces.Max(space => space.RelativeResidual(lambda)), length, predicted, actual, elsewhere, predicted / most);
        }
    }

    /// <summary>The relative error over the random vectors, and over the gradient.</summary>
    private double[] Errors(Func<KrylovSpace, float[]> exact, Action<float[], float[]> approximate)
    {
        double[] errors = new double[2], norms = new double[2];
        for (int i = 0; i < _vectors.Count; i++)
        {
            float[] expected = exact(_spaces[i]), result = new float[_fisher.Size];
            approximate((float[])_vectors[i].Clone(), result);
            int kind = i < _settings.Vectors ? 0 : 1;
            errors[kind] += Math.Pow(TensorPrimitives.Distance<float>(expected, result), 2);
            norms[kind] += Math.Pow(TensorPrimitives.Norm<float>(expected), 2);
        }

        return [Math.Sqrt(errors[0] / norms[0]), Math.Sqrt(errors[1] / norms[1])];
    }

    /// <summary>The block's step d = (F̂ + λI)⁻¹ g, at the length α where -α gᵀd + ½ α² dᵀ(F + λI)d is least, -½ α gᵀd.</summary>
    /// <returns>NaN where the step is 0 or not finite.</returns>
    private (double Length, double PredictedDecrease, double ActualDecrease, double DecreaseElsewhere) Step(FisherBlock block, double lambda)
    {
        float[] step = new float[_fisher.Size], product = new float[_fisher.Size];
        block.MultiplyMatrixPower(Spans((float[])_gradient.Clone()), Spans(step), -1);
        _fisher.Multiply(step, product);
        double slope = TensorPrimitives.Dot<float>(_gradient, step), curvature = TensorPrimitives.Dot<float>(step, product) + lambda * TensorPrimitives.Dot<float>(step, step);
        if (!(curvature > 0 && double.IsFinite(curvature)))
        {
            return (double.NaN, double.NaN, double.NaN, double.NaN);
        }

        double length = slope / curvature;
        return (
            length, 0.5 * length * slope, _lossAtRest - _fisher.LossAt(step, (float)-length, _sample),
            _otherLossAtRest - _fisher.LossAt(step, (float)-length, _others));
    }

    private double Lambda(float damping) => _settings.DampingIsRelative ? damping * _meanEigenvalue : damping;

    private ParameterSpans Spans(float[] vector)
    {
        int weights = _layer.Parameters[0].Length;
        return new ParameterSpans(vector.AsSpan(0, weights), vector.AsSpan(weights));
    }
}
