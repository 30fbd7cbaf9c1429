using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>
/// Rates of 1e-6 to 1e6, damping and pixels of 1e-30 to 1e30, one image of a class, weights of 0: a training gives a finite model
/// and reports without NaN, or an exception that says what is wrong.
/// </summary>
[TestClass]
public sealed class HostileOptionsTests
{
    /// <summary>Trainings in a test of the long run.</summary>
    private const int InBatch = 250;

    public TestContext TestContext { get; set; } = null!;

    /// <summary>From this seed on, rarer options are drawn too.</summary>
    private const int Rarer = 41 * InBatch;

    /// <summary>Statistics of a batch normalisation were infinite, a step's parameters that no loss saw, and, from 11596 on, scores of an average.</summary>
    private static readonly int[] Found = [345, 563, 766, 1003, 1302, 1562, 2018, 2532, 2770, 3070, 3329, 3578, 3991, 4068, 4350, 4636, 10093, 11596, 11888];

    public static IEnumerable<int> Few => [.. Enumerable.Range(0, 60), .. Found, .. Enumerable.Range(Rarer, 60)];

    public static IEnumerable<int> Many => Enumerable.Range(1, 80);

    [TestMethod]
    [DynamicData(nameof(Few))]
    public void A_training_is_finite_or_refused(int seed) => Check(seed);

    [TestMethod]
    [TestCategory("Hostile")]
    [DynamicData(nameof(Many))]
    public void Many_trainings_are_finite_or_refused(int batch)
    {
        int models = Enumerable.Range(batch * InBatch, InBatch).Count(Check);
        TestContext.WriteLine($"{models} models, {InBatch - models} exceptions");
    }

    /// <returns>Whether there is a model.</returns>
    private static bool Check(int seed)
    {
        var random = new Random(seed);
        OptimizerOptions optimizer = Optimizer(random);
        NetworkSpec network = seed < Rarer ? Network(random) : Whitened(random);
        double scale = Power(random, 30);
        string what = $"seed {seed}, pixels of {scale:G3}, {optimizer}, {network.ToJson()}";
        MemoryImageSource images = Images(random, network, scale, copies: random.Next(1, 4));
        var options = new TrainingOptions
        {
            Network = network,
            Optimizer = optimizer,
            Schedule = random.Next(2) == 0 ? LearningRateSchedule.Constant : new WarmUpCosineSchedule(),
            Epochs = random.Next(1, 5),
            BatchSize = random.Next(4),
            LabelSmoothing = random.Next(2) * 0.3f,
            BalanceClasses = random.Next(2) == 0,
            ParameterAveragingEpochs = random.Next(2) * 0.5,
            Seed = seed,
            Threads = 1,
            OnBatch = report => Assert.IsTrue(double.IsFinite(report.Loss) && double.IsFinite(report.LearningRate) && report.Accuracy is >= 0 and <= 1, $"{what}: {report}"),
        };
        MemoryImageSource? validation = random.Next(2) == 0 ? Images(random, network, scale, copies: 1) : null;
        options = seed < Rarer ? options : AddRarer(options, random, validates: validation is not null);
        what = seed < Rarer ? what : $"{what}, {options}, {options.Optimizer}";
        try
        {
            ImageClassifier model = new ImageClassifierTrainer(options).Fit(images, validation);
            RequireFinite(model, images, what);
            if (seed >= Rarer && random.Next(2) == 0)
            {
                model = new ImageClassifierTrainer(options).Fit(ImageSet.Of(images), validation is null ? null : ImageSet.Of(validation), model);
                RequireFinite(model, images, what);
            }

            return true;
        }
        catch (Exception e) when (e is TrainingDivergedException or ArgumentException)
        {
            Assert.IsGreaterThan(20, e.Message.Length, what);
            return false;
        }
        catch (Exception e) when (e is not AssertFailedException)
        {
            throw new AssertFailedException($"{what}: {e}", e);
        }
    }

    private static void RequireFinite(ImageClassifier model, MemoryImageSource images, string what)
    {
        Assert.IsTrue(model.Parameters.All(parameter => parameter.Values.ToArray().All(float.IsFinite)), $"{what}: parameters");
        foreach (EpochReport epoch in model.History)
        {
            Assert.IsTrue(double.IsFinite(epoch.TrainingLoss) && epoch.TrainingAccuracy is >= 0 and <= 1, $"{what}: {epoch}");
            Assert.IsTrue(epoch.ValidationLoss is null || (double.IsFinite(epoch.ValidationLoss.Value) && epoch.ValidationAccuracy is >= 0 and <= 1), $"{what}: {epoch}");
            Assert.IsTrue(double.IsFinite(epoch.LearningRate) && double.IsFinite(epoch.Seconds) && double.IsFinite(epoch.ImagesPerSecond), $"{what}: {epoch}");
        }

        using ImagePredictor predictor = model.CreatePredictor();
        var pixels = new float[model.InputShape.Size];
        var probabilities = new float[model.ClassCount];
        for (int n = 0; n < images.Count; n++)
        {
            images.ReadImage(n, pixels);
            predictor.Predict(pixels, probabilities);
            Assert.AreEqual(1, probabilities.Sum(), 1e-4, $"{what}: probabilities {string.Join(' ', probabilities)}");
        }
    }

    private static OptimizerOptions Optimizer(Random random)
    {
        float rate = (float)Power(random, 6), damping = (float)Power(random, 30);
        float decay = random.Next(2) * (float)Power(random, 3), l2 = random.Next(2) * (float)Power(random, 3);
        OptimizerOptions optimizer = random.Next(6) switch
        {
            0 => new SgdOptions { Nesterov = random.Next(2) == 0 },
            1 => new AdamOptions(),
            2 => new MuonOptions(),
            _ => new KfacOptions
            {
                Approximation = (FisherApproximation)random.Next(Enum.GetValues<FisherApproximation>().Length),
                EstimationMode = (EstimationMode)random.Next(Enum.GetValues<EstimationMode>().Length),
                MomentumKind = (KfacMomentumKind)random.Next(Enum.GetValues<KfacMomentumKind>().Length),
                DampingAdaptation = (DampingAdaptation)random.Next(2),
                DampingIsRelative = random.Next(2) == 0,
                Damping = damping,
                MinDamping = Math.Min(damping, 1e-6f),
                NormConstraint = random.Next(2) == 0 ? float.PositiveInfinity : 1e-3f,
                FactorUpdatePeriod = random.Next(1, 3),
                InverseUpdatePeriod = 2,
                InverseDelay = random.Next(2),
            },
        };
        return optimizer with { LearningRate = rate, WeightDecay = decay, L2 = l2 };
    }

    private static TrainingOptions AddRarer(TrainingOptions options, Random random, bool validates) => options with
    {
        ClassWeights = random.Next(2) == 0 ? null : [(float)Power(random, 30), (float)Power(random, 30), 0],
        ParameterAveragingEpochs = random.Next(3) * 50,
        EarlyStopping = validates && random.Next(2) == 0 ? new EarlyStopping(Patience: 1, Metric: (EarlyStoppingMetric)random.Next(2)) : null,
        Schedule = random.Next(3) == 0 ? new Steep(Power(random, 30)) : options.Schedule,
        Optimizer = options.Optimizer switch
        {
            KfacOptions kfac => kfac with
            {
                WeightDecay = random.Next(2) == 0 ? null : kfac.WeightDecay,
                LearningRate = random.Next(2) == 0 ? null : kfac.LearningRate,
                MinDamping = kfac.Damping,
                Constraint = random.Next(2) == 0 ? null : (NormConstraintKind)random.Next(Enum.GetValues<NormConstraintKind>().Length),
                Exponent = random.Next(2) == 0 ? null : -0.01f - 0.99f * random.NextSingle(),
                EmaDecay = random.Next(2) * 0.9999f,
                Averaging = (AveragingConvention)random.Next(2),
                BurnInSteps = random.Next(3),
                Momentum = random.Next(2) * 0.9999f,
            },
            SgdOptions sgd => sgd with { Momentum = 0.9999f },
            AdamOptions adam => adam with { Beta1 = 0, Beta2 = random.Next(2) * 0.9999f, Epsilon = 1e-40f },
            MuonOptions muon => muon with { Momentum = 0.9999f, Beta2 = random.Next(2) * 0.9999f, Epsilon = 1e-40f },
            _ => options.Optimizer,
        },
    };

    private static NetworkSpec Network(Random random)
    {
        NetworkSpec spec = NetworkSpec.For(6, 5, 2);
        spec = random.Next(4) switch
        {
            0 => spec.Flatten(),
            1 => spec.Conv(3, 3).Relu().MaxPool(2).Flatten().Dense(5).Gelu(),
            2 => spec.Conv(4, 3).BatchNorm().Relu().Residual(body => body.Conv(4, 3).BatchNorm()).Relu().GlobalAveragePool(),
            _ => spec.Conv(4, 3).GroupNorm(2).LeakyRelu().Dropout(0.3f).Flatten(),
        };
        return spec.Dense(3);
    }

    /// <summary>Whose first filters may be measured.</summary>
    private static NetworkSpec Whitened(Random random)
    {
        NetworkSpec spec = Network(random);
        return random.Next(3) > 0 || spec.Layers[0] is not Conv2DSpec conv ? spec
            : new NetworkSpec(spec.Input, [conv with { Padding = Padding.Valid, KernelHeight = 2, KernelWidth = 1, Filters = 4, Initialization = FilterInitialization.Whitening, IsFrozen = random.Next(2) == 0 }, .. spec.Layers.Skip(1)]);
    }

    /// <summary>A few images of each class, of weight 0, 1 or 1000; the first is sure to count.</summary>
    private static MemoryImageSource Images(Random random, NetworkSpec network, double scale, int copies)
    {
        var source = new MemoryImageSource(network.Input, network.Output.Size);
        double offset = random.Next(2) * 3;
        for (int n = 0; n < copies * source.ClassCount; n++)
        {
            float[] pixels = [.. Enumerable.Range(0, network.Input.Size).Select(_ => (float)(scale * (random.NextDouble() + offset)))];
            source.Add(pixels, n % source.ClassCount, n == 0 || random.Next(3) > 0 ? 1 : random.Next(2) * 1000);
        }

        return source;
    }

    /// <summary>10 to a power drawn from -<paramref name="most"/> … <paramref name="most"/>.</summary>
    private static double Power(Random random, double most) => Math.Pow(10, (2 * random.NextDouble() - 1) * most);

    /// <summary>A factor that may be far above 1.</summary>
    private sealed record Steep(double Most) : LearningRateSchedule
    {
        public override double Factor(double progress, double epoch) => Most * progress;
    }
}
