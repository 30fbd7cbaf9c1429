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

    public static IEnumerable<int> Few => Enumerable.Range(0, 60);

    public static IEnumerable<int> Many => Enumerable.Range(1, 40);

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
        NetworkSpec network = Network(random);
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
            OnBatch = report => Assert.IsTrue(double.IsFinite(report.Loss) && report.Accuracy is >= 0 and <= 1, $"{what}: {report}"),
        };
        try
        {
            ImageClassifier model = new ImageClassifierTrainer(options).Fit(images, random.Next(2) == 0 ? Images(random, network, scale, copies: 1) : null);
            RequireFinite(model, images, what);
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
            Assert.IsTrue(epoch.ValidationLoss is null or >= 0 && epoch.ValidationAccuracy is null or (>= 0 and <= 1), $"{what}: {epoch}");
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
}
