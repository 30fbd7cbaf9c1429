using Kfac.Audit;
using Kfac.Curvature;
using Kfac.Images;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Images;
using Kfac.Tests.Oracles;
using MathNet.Numerics.LinearAlgebra;

namespace Kfac.Tests.Audit;

/// <summary>The audit's numbers against the explicit Fisher of a network in double precision.</summary>
[TestClass]
public sealed class CurvatureAuditTests
{
    /// <summary>Products with F come from differences in single precision: three digits.</summary>
    private const double Tolerance = 0.01;

    private static readonly float[] Dampings = [0.03f, 0.3f];

    private static readonly CurvatureAuditOptions Options = new() { Dampings = Dampings, Threads = 1, Examples = Count };

    private const int Count = 12;

    private static readonly MemoryImageSource Images = SyntheticImages.Create(2 * Count, seed: 3);

    private static readonly ImageClassifier Model = CreateModel(NetworkSpec.For(8, 8, 1)
        .Conv(2, 3, stride: 2).Relu().Conv(3, 2, stride: 2, Padding.Valid).Relu().Flatten().Dense(SyntheticImages.Classes));

    private static readonly CurvatureReport Report = CurvatureAudit.Run(Model, Images, Options);

    public static IEnumerable<object[]> Layers => [[0, "conv2d_1"], [1, "conv2d_2"], [2, "dense_1"]];

    [TestMethod]
    public void Each_layer_is_told_as_soon_as_it_is_measured_and_takes_no_more_products_than_it_may()
    {
        var told = new List<LayerCurvature>();

        CurvatureReport report = CurvatureAudit.Run(Model, Images, Options with { Approximations = [FisherApproximation.Diagonal], MaxProducts = 1, OnLayer = told.Add });

        CollectionAssert.AreEqual(report.Layers.ToArray(), told);
        Assert.IsGreaterThan(Report.Layers[0].Blocks[0].SolverError, report.Layers[0].Blocks[0].SolverError, "a coarser inverse");
        Assert.ThrowsExactly<ArgumentException>(() => CurvatureAudit.Run(Model, Images, Options with { MaxProducts = 0 }));
    }

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Spectrum_is_that_of_the_explicit_Fisher(int index, string name)
    {
        LayerCurvature layer = Report.Layers[index];
        Oracle oracle = Oracle.Of(index);
        Assert.AreEqual(name, layer.Layer);
        Assert.AreEqual(oracle.Fisher.RowCount, layer.Parameters);
        AssertClose(oracle.Fisher.Trace(), layer.Trace);
        double largest = oracle.Fisher.Evd(Symmetricity.Symmetric).EigenValues.Max(value => value.Real);
        AssertClose(largest, layer.LargestEigenvalue);
        AssertClose(oracle.Fisher.Trace() / largest, layer.EffectiveRank);
        Assert.AreEqual(Math.Min(oracle.Fisher.RowCount, Count * (SyntheticImages.Classes - 1)), layer.RankBound);
        AssertClose(oracle.Gradient.L2Norm(), layer.GradientNorm);
        AssertClose(oracle.Loss(Vector<double>.Build.Dense(layer.Parameters)), Report.Loss);
        Assert.IsInRange(0, 0.02, layer.DifferenceError);
    }

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Full_in_the_exact_mode_is_the_Fisher_itself(int index, string name)
    {
        LayerCurvature layer = Report.Layers[index];
        BlockCurvature[] full = [.. layer.Blocks.Where(block => block.Approximation == FisherApproximation.Full)];
        Assert.HasCount(Dampings.Length, full, name);
        foreach (BlockCurvature block in full)
        {
            Assert.IsInRange(0, Tolerance, block.ProductError);
            Assert.IsInRange(0, Tolerance, block.GradientProductError);
            Assert.IsInRange(0, Tolerance, block.InverseError);
            Assert.IsInRange(0, Tolerance, block.GradientInverseError);
            AssertClose(layer.Trace, block.Trace);
            AssertClose(1, block.StepLength);
            AssertClose(1, block.ShareOfExactDecrease);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Gradients_step_is_judged_as_by_the_explicit_Fisher(int index, string name)
    {
        Oracle oracle = Oracle.Of(index), others = Oracle.Of(index, others: true);
        foreach (BlockCurvature block in Report.Layers[index].Blocks.Where(block => block.Approximation is FisherApproximation.Diagonal or FisherApproximation.Full))
        {
            Matrix<double> approximate = block.Approximation == FisherApproximation.Full ? oracle.Fisher : oracle.Fisher.DiagonalPart();
            Matrix<double> damped = oracle.Fisher.Damped(block.Damping);
            Vector<double> exactStep = damped.Solve(oracle.Gradient), step = approximate.Damped(block.Damping).Solve(oracle.Gradient);
            double curvature = step * (damped * step), slope = oracle.Gradient * step, length = slope / curvature;
            double decrease = oracle.Loss(0 * step) - oracle.Loss(-length * step), elsewhere = others.Loss(0 * step) - others.Loss(-length * step);
            double[] eigenvalues = [.. damped.Evd(Symmetricity.Symmetric).EigenValues.Select(value => value.Real)];
            string what = $"{name}, {block.Approximation}, {block.Damping}";
            Assert.AreEqual((exactStep - step).L2Norm() / exactStep.L2Norm(), block.GradientInverseError, Tolerance, what);
            Assert.AreEqual((oracle.Fisher * oracle.Gradient - approximate * oracle.Gradient).L2Norm() / (oracle.Fisher * oracle.Gradient).L2Norm(), block.GradientProductError, Tolerance, what);
            AssertClose(length, block.StepLength, what);
            AssertClose(0.5 * length * slope, block.PredictedDecrease, what);
            AssertClose(decrease, block.ActualDecrease, what);
            AssertClose(elsewhere, block.DecreaseElsewhere, what);
            AssertClose(decrease / (0.5 * length * slope), block.ReductionRatio, what);
            AssertClose(length * slope / (oracle.Gradient * exactStep), block.ShareOfExactDecrease, what);
            Assert.AreEqual(eigenvalues.Max() / eigenvalues.Min(), block.Condition, 0.05 * block.Condition, $"{what}: the smallest eigenvalue is estimated from above");
            Assert.IsLessThan(Tolerance, block.SolverError);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Advice_names_layer_approximation_and_damping(int index, string name)
    {
        LayerCurvature layer = Report.Layers[index];
        StringAssert.StartsWith(layer.Advice, $"{name}: {layer.Approximation} with a damping of {layer.Damping:G3}.");
        BlockCurvature chosen = layer.Blocks.Single(block => block.Approximation == layer.Approximation && block.RequestedDamping == layer.Damping);
        Assert.IsGreaterThanOrEqualTo(0.9 * layer.Blocks.Max(block => block.DecreaseElsewhere), chosen.DecreaseElsewhere);
        StringAssert.Contains(Report.ToString(), layer.Advice);
        StringAssert.Contains(Report.ToString(), $"* {layer.Approximation}");
    }

    [TestMethod]
    public void The_model_stays_as_it_is_and_the_report_the_same()
    {
        float[] before = [.. Model.Parameters.SelectMany(parameter => parameter.Values.ToArray())];
        string again = CurvatureAudit.Run(Model, Images, Options with { Threads = 2 }).ToString();
        CollectionAssert.AreEqual(before, Model.Parameters.SelectMany(parameter => parameter.Values.ToArray()).ToArray());
        Assert.AreEqual(Report.ToString(), again);
    }

    [TestMethod]
    public void What_cannot_serve_a_layer_is_left_out_with_the_reason()
    {
        ImageClassifier model = CreateModel(NetworkSpec.For(8, 8, 1).Conv(2, 3).BatchNorm().Relu().Flatten().Dense(SyntheticImages.Classes));
        CurvatureReport report = CurvatureAudit.Run(model, Images, Options with { LargestMatrix = 100, DampingIsRelative = true });
        CollectionAssert.AreEqual(new[] { "Kronecker", "Ekfac", "Full" }, report.Layers[1].LeftOut.Select(line => line.Split(' ')[0]).ToArray());
        StringAssert.Contains(report.Layers[1].LeftOut[0], "BatchNorm");
        StringAssert.Contains(report.Layers[2].LeftOut.Single(line => line.StartsWith("Full", StringComparison.Ordinal)), "a matrix of 387 rows, more than 100");
        Assert.HasCount(2 * Dampings.Length, report.Layers[1].Blocks);
        foreach (LayerCurvature layer in report.Layers)
        {
            Assert.IsTrue(layer.Blocks.All(block => double.IsFinite(block.ActualDecrease) && Math.Abs(block.Damping - block.RequestedDamping * layer.Trace / layer.Parameters) < 1e-6 * block.Damping));
        }
    }

    [TestMethod]
    public void A_layer_that_no_gradient_reaches_is_said_to_be_one()
    {
        // A bias of -1000 keeps every ReLU behind the first layer off.
        ImageClassifier model = CreateModel(NetworkSpec.For(8, 8, 1).Conv(2, 3).Relu().Flatten().Dense(SyntheticImages.Classes));
        model.Parameters[1].MutableValues.Fill(-1000);
        CurvatureReport report = CurvatureAudit.Run(model, Images, Options);
        Assert.IsEmpty(report.Layers[0].Blocks);
        StringAssert.Contains(report.Layers[0].Advice, "conv2d_1: no finite gradient");
        Assert.IsNotEmpty(report.Layers[1].Blocks, "its bias is still there to be trained");
    }

    [TestMethod]
    public void Bad_options_are_refused_by_name()
    {
        AssertRefused(Options with { Dampings = [0] }, "Dampings");
        AssertRefused(Options with { Approximations = [FisherApproximation.Auto] }, "Approximations");
        AssertRefused(Options with { Examples = 0 }, "Examples");
        AssertRefused(Options with { Vectors = 0 }, "Vectors");
        AssertRefused(Options with { LargestMatrix = 0 }, "LargestMatrix");
        AssertRefused(Options with { Threads = -1 }, "Threads");
        AssertRefused(Options with { EstimationMode = (EstimationMode)9 }, "EstimationMode");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => CurvatureAudit.Run(Model, new MemoryImageSource(new ImageShape(4, 4, 1), 3))).Message, "no images");

        static void AssertRefused(CurvatureAuditOptions options, string name) =>
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => CurvatureAudit.Run(Model, Images, options)).Message, name);
    }

    private static ImageClassifier CreateModel(NetworkSpec spec)
    {
        var random = new Random(4);
        using var workers = new Workers(1);
        var network = new Network(spec, capacity: 1, workers, trains: false);
        network.Initialize(seed: 1);
        foreach (Parameter bias in network.Parameters.Where(parameter => parameter.IsBias))
        {
            foreach (ref float value in bias.MutableValues)
            {
                value = (float)(0.3 * random.NextGaussian());
            }
        }

        return new ImageClassifier(spec, network.Store, new InputScaling(spec.Input, [80], [0.01f]), []);
    }

    private static void AssertClose(double expected, double actual, string what = "") => Assert.AreEqual(expected, actual, Tolerance * Math.Abs(expected), what);

    /// <summary>The layer numbered <paramref name="Layer"/> in double precision.</summary>
    private sealed record Oracle(int Layer, NaiveNetwork Network, double[][] Images, int[] Labels, Matrix<double> Fisher, Vector<double> Gradient)
    {
        public static Oracle Of(int layer, bool others = false)
        {
            int[] indices = [.. Enumerable.Range(0, CurvatureAuditTests.Images.Count)];
            new SplitMix64(Options.Seed, RandomStream.AuditSample).Shuffle(indices);
            indices = others ? indices[Count..] : indices[..Count];
            using var workers = new Workers(1);
            var network = new NaiveNetwork(new Network(Model.Spec, 1, workers, trains: false, Model.Store));
            double[][] images = [.. indices.Select(n =>
            {
                var pixels = new float[SyntheticImages.Shape.Size];
                CurvatureAuditTests.Images.ReadImage(n, pixels);
                return Array.ConvertAll(pixels, pixel => (pixel - 80.0) * 0.01);
            })];
            int[] labels = [.. indices.Select(CurvatureAuditTests.Images.GetLabel)];
            Vector<double> gradient = images.Zip(labels, (image, label) =>
            {
                List<double[]> all = network.Gradient(image, label);
                return Vector<double>.Build.DenseOfEnumerable(all[2 * layer].Concat(all[2 * layer + 1]));
            }).Aggregate((a, b) => a + b) / Count;
            return new Oracle(layer, network, images, labels, ExplicitFisher.Of(network, images, 2 * layer, 2 * layer + 1), gradient);
        }

        /// <summary>The mean loss with the layer's parameters moved by <paramref name="step"/>.</summary>
        public double Loss(Vector<double> step)
        {
            Move(step);
            double loss = Images.Zip(Labels, Network.Loss).Average();
            Move(-step);
            return loss;
        }

        private void Move(Vector<double> step)
        {
            double[] weights = Network.Parameters[2 * Layer], bias = Network.Parameters[2 * Layer + 1];
            for (int i = 0; i < step.Count; i++)
            {
                ref double value = ref i < weights.Length ? ref weights[i] : ref bias[i - weights.Length];
                value += step[i];
            }
        }
    }
}
