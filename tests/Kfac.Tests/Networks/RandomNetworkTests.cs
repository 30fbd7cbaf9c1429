using System.Reflection;
using System.Text.Json.Serialization;
using Kfac.Curvature;
using Kfac.Images;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;
using Kfac.Tests.Running;
using Kfac.Training;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Kfac.Tests.Networks;

/// <summary>Whatever a description accepts trains with every optimizer, predicts by its definition, saves, loads and runs as ONNX.</summary>
[TestClass]
public sealed class RandomNetworkTests
{
    private const int Images = 6, BatchSize = 3;

    /// <summary>Networks in a test of the long run.</summary>
    private const int InBatch = 100;

    /// <summary>With more, the eigenvectors of a layer with few outputs may take minutes.</summary>
    private const int MaxParametersOfFactors = 3_000;

    /// <summary>Rounding in single precision, for logits of size one.</summary>
    private const double Tolerance = 3e-5;

    /// <summary>In 320 every ReLU before the loss is off, and K-FAC's quadratic model has no gradient to go by.</summary>
    public static IEnumerable<int> Few => [.. Enumerable.Range(0, 100), 320];

    public static IEnumerable<int> Many => Enumerable.Range(1, 40);

    [TestMethod]
    [DynamicData(nameof(Few))]
    public void A_random_network_works(int seed) => Check(seed);

    [TestMethod]
    [TestCategory("Networks")]
    [DynamicData(nameof(Many))]
    public void A_hundred_random_networks_work(int batch)
    {
        for (int seed = batch * InBatch; seed < (batch + 1) * InBatch; seed++)
        {
            Check(seed);
        }
    }

    [TestMethod]
    public void Every_kind_of_layer_is_tried()
    {
        Type[] kinds = [.. typeof(LayerSpec).GetCustomAttributes<JsonDerivedTypeAttribute>().Select(attribute => attribute.DerivedType)];

        CollectionAssert.AreEquivalent(kinds, KindsOf(Few.Select(RandomNetwork.Create)));
        CollectionAssert.AreEquivalent(kinds.Except([typeof(DropoutSpec)]).ToArray(), KindsOf(NetworkCases.Networks.Select(network => (NetworkSpec)network[1])), "dropout, which is random, has tests of its own");

        static Type[] KindsOf(IEnumerable<NetworkSpec> networks) => [.. networks.SelectMany(network => LayerSequence.Flatten(network.Layers)).Select(layer => layer.GetType()).Distinct()];
    }

    [TestMethod]
    [DataRow("dense behind a map of one pixel with a halo")]
    [DataRow("dense and convolution of one pixel")]
    public void Networks_that_once_failed_work(string name) => Check(1, name switch
    {
        "dense behind a map of one pixel with a halo" => NetworkSpec.For(5, 5, 1).Conv(4, 3, padding: Padding.Valid).Relu().Conv(4, 3, padding: Padding.Valid).Relu().Dense(3),
        _ => NetworkSpec.For(1, 1, 2).Residual(body => body.Dense(2), shortcut => shortcut.Conv(2, 3)),
    });

    private static void Check(int seed) => Check(seed, RandomNetwork.Create(seed));

    private static void Check(int seed, NetworkSpec spec)
    {
        string what = $"network {seed}, {spec.ToJson()}";
        try
        {
            CheckGradient(seed, spec, what);
            float[] pixels = Pixels(seed, spec);
            foreach (OptimizerOptions optimizer in Optimizers(seed, spec))
            {
                CheckTrained(Train(seed, spec, optimizer, pixels), pixels, $"{what}, {optimizer}");
            }
        }
        catch (Exception e) when (e is not AssertFailedException)
        {
            throw new AssertFailedException($"{what}: {e.Message}", e);
        }
    }

    /// <summary>The derivative of the batch's loss along a random direction is that of the definition.</summary>
    private static void CheckGradient(int seed, NetworkSpec spec, string what)
    {
        if (spec.ToJson().Contains("dropout", StringComparison.Ordinal))
        {
            return; // what it drops is no part of the definition
        }

        using var workers = new Workers(2);
        var random = new Random(seed);
        var network = new Network(spec, BatchSize, workers, trains: true);
        network.Initialize(seed);
        foreach (Parameter parameter in network.Parameters.Where(parameter => parameter.Kind != ParameterKind.Weights))
        {
            // Biases of 0 leave ReLUs at their kink, where there is no derivative.
            foreach (ref float value in parameter.MutableValues)
            {
                value += random.NextSingle() - 0.5f;
            }
        }

        double[][] images = [.. Pixels(seed, spec).Take(BatchSize * spec.Input.Size).Select(v => (double)v).Chunk(spec.Input.Size)];
        int[] labels = [.. Enumerable.Range(0, BatchSize).Select(n => n % spec.Output.Size)];
        for (int n = 0; n < BatchSize; n++)
        {
            network.Input.Write(n, Array.ConvertAll(images[n], v => (float)v));
        }

        var loss = new SoftmaxCrossEntropy(spec.Output.Size, BatchSize);
        network.Forward(BatchSize, isTraining: true);
        loss.Forward(network.Logits, labels);
        loss.WriteGradient(labels, network.LogitsGradient!);
        network.Backward(BackwardQuantities.Gradient);

        var oracle = new NaiveNetwork(network);
        double[][] direction = [.. oracle.Parameters.Select(values => values.Select(_ => random.NextDouble() - 0.5).ToArray())];
        double derivative = 0, size = 0;
        for (int p = 0; p < direction.Length; p++)
        {
            for (int i = 0; i < direction[p].Length; i++)
            {
                derivative += network.Parameters[p].Gradient[i] * direction[p][i];
                size += Math.Abs(network.Parameters[p].Gradient[i] * direction[p][i]);
            }
        }

        double expected = Derivative(), tolerance = 3e-3 * Math.Max(size, 1e-3);
        if (Math.Abs(expected - derivative) > tolerance)
        {
            // Where a normalisation divides by next to nothing, rounding shows: as much as in the definition itself.
            oracle.Parameters.ForEach(values => Array.ForEach(Enumerable.Range(0, values.Length).ToArray(), i => values[i] *= 1 + 1e-6 * (random.NextDouble() - 0.5)));
            tolerance += 10 * Math.Abs(Derivative() - expected);
        }

        Assert.AreEqual(expected, derivative, tolerance, $"{what}, derivative along a direction");

        double Derivative()
        {
            const double Step = 1e-6;
            Move(Step);
            double above = oracle.Loss(images, labels);
            Move(-2 * Step);
            double below = oracle.Loss(images, labels);
            Move(Step);
            return (above - below) / (2 * Step);
        }

        void Move(double step)
        {
            for (int p = 0; p < direction.Length; p++)
            {
                for (int i = 0; i < direction[p].Length; i++)
                {
                    oracle.Parameters[p][i] += step * direction[p][i];
                }
            }
        }
    }

    private static void CheckTrained(ImageClassifier model, float[] pixels, string what)
    {
        int classes = model.ClassCount;
        using var stream = new MemoryStream();
        model.Save(stream);
        stream.Position = 0;
        float[] probabilities = Predict(model, pixels);
        CollectionAssert.AreEqual(probabilities, Predict(ImageClassifier.Load(stream), pixels), $"{what}, loaded");

        float[] ofRuntime = RunOnnx(model, pixels);
        var oracle = new NaiveNetwork(model.Spec, model.Parameters);
        for (int n = 0; n < Images; n++)
        {
            double[] image = [.. pixels.Skip(n * model.InputShape.Size).Take(model.InputShape.Size).Select((v, i) => ((double)v - model.Scaling.Mean[i % model.InputShape.Channels]) * model.Scaling.Factor[i % model.InputShape.Channels])];
            double[] scores = oracle.Predict(image);
            double largest = scores.Max(), total = scores.Sum(score => Math.Exp(score - largest)), tolerance = Tolerance * (1 + scores.Max(Math.Abs));
            for (int c = 0; c < classes; c++)
            {
                Assert.AreEqual(Math.Exp(scores[c] - largest) / total, probabilities[n * classes + c], tolerance, $"{what}, image {n}, class {c}");
                Assert.AreEqual(probabilities[n * classes + c], ofRuntime[n * classes + c], tolerance, $"{what}, image {n}, class {c}, by ONNX Runtime");
            }
        }
    }

    private static ImageClassifier Train(int seed, NetworkSpec spec, OptimizerOptions optimizer, float[] pixels)
    {
        var images = new MemoryImageSource(spec.Input, spec.Output.Size);
        for (int n = 0; n < Images; n++)
        {
            images.Add(pixels.AsSpan(n * spec.Input.Size, spec.Input.Size), n % spec.Output.Size);
        }

        return new ImageClassifierTrainer(new TrainingOptions { Network = spec, Optimizer = optimizer, Epochs = 1, BatchSize = BatchSize, Seed = seed, Threads = 2, AverageMirrored = false }).Fit(images);
    }

    /// <summary>One of each, and one of K-FAC's kinds.</summary>
    private static IEnumerable<OptimizerOptions> Optimizers(int seed, NetworkSpec spec)
    {
        var random = new Random(seed);
        bool hasGroups = System.Text.RegularExpressions.Regex.IsMatch(spec.ToJson(), "\"Groups\":(?!1[,}])\\d+,?.*?");
        bool isLarge = spec.Summarize().Max(layer => layer.Parameters) > MaxParametersOfFactors;
        FisherApproximation[] approximations = hasGroups || isLarge
            ? [FisherApproximation.Diagonal, FisherApproximation.NaiveDiagonal]
            : [FisherApproximation.Diagonal, FisherApproximation.NaiveDiagonal, FisherApproximation.Kronecker, FisherApproximation.Ekfac];
        yield return new SgdOptions { Nesterov = random.Next(2) == 0, LearningRate = 0.01f };
        yield return new AdamOptions();
        yield return new MuonOptions();
        yield return new KfacOptions();
        yield return new KfacOptions
        {
            Approximation = approximations[random.Next(approximations.Length)],
            EstimationMode = (EstimationMode)random.Next(Enum.GetValues<EstimationMode>().Length),
            MomentumKind = (KfacMomentumKind)random.Next(Enum.GetValues<KfacMomentumKind>().Length),
            DampingAdaptation = (DampingAdaptation)random.Next(2),
            FactorUpdatePeriod = 1,
        };
    }

    private static float[] Pixels(int seed, NetworkSpec spec)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Images * spec.Input.Size).Select(_ => 2 * random.NextSingle() - 1)];
    }

    private static float[] Predict(ImageClassifier model, float[] pixels)
    {
        var probabilities = new float[Images * model.ClassCount];
        using ImagePredictor predictor = model.CreatePredictor(Images, threads: 2);
        predictor.Predict(pixels, probabilities);
        return probabilities;
    }

    private static float[] RunOnnx(ImageClassifier model, float[] pixels)
    {
        using var stream = new MemoryStream();
        model.ExportToOnnx(stream);
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(stream.ToArray(), options);
        ImageShape shape = model.InputShape;
        var input = NamedOnnxValue.CreateFromTensor("Features", new DenseTensor<float>(pixels, [Images, shape.Height, shape.Width, shape.Channels]));
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run([input], ["Score"]);
        return [.. outputs.Single().AsEnumerable<float>()];
    }
}
