using Kfac.Curvature;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;
using static Kfac.Tests.Running.NetworkCases;

namespace Kfac.Tests.Running;

/// <summary>What holds for a step of any network, whatever its layers.</summary>
[TestClass]
public sealed class NetworkStepTests
{
    /// <summary>So many that slices have two or three, and a statistic reads some of them only.</summary>
    private const int MoreExamples = 21;

    [TestMethod]
    [DynamicData(nameof(NetworksWithDropout), typeof(NetworkCases))]
    public void Inputs_and_output_gradients_of_the_whole_batch_stay_readable(string name, NetworkSpec spec)
    {
        using var workers = new Workers(2);
        (Network network, _, int[] labels) = Build(spec, workers);
        Backward(network, labels);
        foreach (Layer layer in network.Layers.Where(layer => layer is Conv2D or Dense))
        {
            var sum = new double[layer.Parameters[0].Length];
            for (int n = 0; n < Examples; n++)
            {
                double[] x = Read(layer.Input, n), ds = Read(layer.OutputGradient!, n);
                double[] gradient = layer is Conv2D conv
                    ? NaiveConvolution.FilterGradient(conv.Geometry, x, ds)
                    : [.. from feature in x from unit in ds select feature * unit];
                sum = [.. sum.Zip(gradient, (a, b) => a + b / Examples)];
            }

            double scale = Math.Max(1e-2, sum.Max(Math.Abs));
            for (int i = 0; i < sum.Length; i++)
            {
                Assert.AreEqual(sum[i], layer.Parameters[0].Gradient[i], 1e-5 * scale, $"{name}, {layer.Name}, value {i}");
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(NetworksWithDropout), typeof(NetworkCases))]
    public void Any_number_of_threads_gives_the_same_bits(string name, NetworkSpec spec)
    {
        float[] one = AfterThreeSteps(spec, threads: 1);
        Assert.IsTrue(one.All(float.IsFinite), name);
        CollectionAssert.AreEqual(one, AfterThreeSteps(spec, threads: 2), $"{name}, 2 threads");
        CollectionAssert.AreEqual(one, AfterThreeSteps(spec, threads: 5), $"{name}, 5 threads");
    }

    [TestMethod]
    [DynamicData(nameof(NetworksWithDropout), typeof(NetworkCases))]
    public void Step_allocates_nothing(string name, NetworkSpec spec)
    {
        using var workers = new Workers(1);
        (Network network, _, int[] labels) = Build(spec, workers);
        Optimizer optimizer = new KfacOptions { EstimationMode = EstimationMode.Gradients }.Create(network, 1);
        optimizer.Step(labels, 1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        optimizer.Step(labels, 1);
        Assert.AreEqual(before, GC.GetAllocatedBytesForCurrentThread(), name);
    }

    [TestMethod]
    [DynamicData(nameof(NetworksWithDropout), typeof(NetworkCases))]
    public void Gradients_have_the_same_bits_whether_output_gradients_stay_or_not(string name, NetworkSpec spec)
    {
        using var workers = new Workers(3);
        (Network network, _, int[] labels) = Build(spec, workers);
        Backward(network, labels);
        const BackwardQuantities Wanted = BackwardQuantities.Gradient | BackwardQuantities.SquaredGradient;
        network.Backward(Wanted | BackwardQuantities.OutputGradients);
        float[] gradients = network.Store.Gradients.Span.ToArray(), squares = network.Store.SquaredGradients.Span.ToArray();

        network.Backward(Wanted);

        CollectionAssert.AreEqual(gradients, network.Store.Gradients.Span.ToArray(), name);
        CollectionAssert.AreEqual(squares, network.Store.SquaredGradients.Span.ToArray(), name);
    }

    [TestMethod]
    [DynamicData(nameof(NetworksWithDropout), typeof(NetworkCases))]
    public void Output_gradients_of_the_examples_read_are_those_of_the_whole_batch(string name, NetworkSpec spec)
    {
        using var workers = new Workers(2);
        (Network network, _, int[] labels) = Build(spec, workers, MoreExamples);
        Layer[] layers = [.. network.Layers.Where(layer => layer is Conv2D or Dense)];
        Backward(network, labels);
        float[] gradients = network.Store.Gradients.Span.ToArray();
        double[][][] outputGradients = [.. layers.Select(layer => Enumerable.Range(0, MoreExamples).Select(n => Read(layer.OutputGradient!, n)).ToArray())];
        foreach (int read in Enumerable.Range(1, MoreExamples))
        {
            foreach (Layer layer in layers.Where(layer => layer.OutputGradient != network.LogitsGradient))
            {
                FillWithNaN(layer.OutputGradient!, MoreExamples);
            }

            network.Backward(BackwardQuantities.Gradient | BackwardQuantities.OutputGradients, read);

            CollectionAssert.AreEqual(gradients, network.Store.Gradients.Span.ToArray(), $"{name}, {read} examples");
            for (int i = 0; i < layers.Length; i++)
            {
                for (int n = 0; n < read; n++)
                {
                    CollectionAssert.AreEqual(outputGradients[i][n], Read(layers[i].OutputGradient!, n), $"{name}, {read} examples, {layers[i].Name}, example {n}");
                }
            }
        }
    }

    [TestMethod]
    public void Only_maps_that_are_read_later_have_memory_for_the_batch()
    {
        using var workers = new Workers(2);
        NetworkSpec spec = NetworkSpec.For(8, 8, 2).Conv(3, 3).Relu().Conv(4, 3).Relu().MaxPool(2).Conv(5, 3).BatchNorm().Relu().Flatten().Dense(3);
        var trained = new Network(spec, 9, workers, trains: true);
        CollectionAssert.AreEqual(
            new[] { "conv2d_2", "relu_2" }, trained.Layers.Where(layer => layer.Output.IsTransient).Select(layer => layer.Name).ToArray());

        var predicting = new Network(spec, 9, workers, trains: false);
        CollectionAssert.AreEqual(
            new[] { "conv2d_1", "relu_1", "conv2d_2", "relu_2", "maxpool2d_1" }, predicting.Layers.Where(layer => layer.Output.IsTransient).Select(layer => layer.Name).ToArray());
    }

    private static float[] AfterThreeSteps(NetworkSpec spec, int threads)
    {
        using var workers = new Workers(threads);
        (Network network, _, int[] labels) = Build(spec, workers, MoreExamples);
        Optimizer optimizer = new KfacOptions().Create(network, 1);
        for (int step = 0; step < 3; step++)
        {
            Assert.IsNull(optimizer.Step(labels, 1).Recovery);
        }

        return network.Store.Values.Span.ToArray();
    }

    private static void Backward(Network network, int[] labels)
    {
        var loss = new SoftmaxCrossEntropy(Classes, labels.Length);
        network.Forward(labels.Length, isTraining: true);
        loss.Forward(network.Logits, labels);
        loss.WriteGradient(labels, network.LogitsGradient!);
        network.Backward(BackwardQuantities.Gradient | BackwardQuantities.OutputGradients);
    }

    private static void FillWithNaN(ActivationBuffer buffer, int examples)
    {
        float[] values = [.. Enumerable.Repeat(float.NaN, buffer.Shape.Size)];
        for (int n = 0; n < examples; n++)
        {
            buffer.Write(n, values);
        }
    }

    private static double[] Read(ActivationBuffer buffer, int example)
    {
        var values = new float[buffer.Shape.Size];
        buffer.Read(example, values);
        return Array.ConvertAll(values, v => (double)v);
    }
}
