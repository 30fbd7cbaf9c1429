using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Tests.Running;

/// <summary>Which maps a convolution is told to come next.</summary>
[TestClass]
public sealed class PrefetchPlanTests
{
    private static readonly ExampleRange These = new(2, 4), Next = new(4, 5), None = new(8, 8);

    private readonly Prefetcher _prefetchers = new(capacity: 16);

    [TestMethod]
    public void Forward_it_is_what_the_layers_write_up_to_the_next_convolution()
    {
        (ExampleLayer[] run, PrefetchPlan maps) = Run();
        maps.AfterForward(Index(run, "conv2d_2"), These, Next, _prefetchers);
        Assert.AreEqual(2 * (Layer(run, "maxpool2d_1").Output.ImageStride + Winners(run) + Layer(run, "conv2d_3").Output.ImageStride), _prefetchers.Remaining);
    }

    [TestMethod]
    public void Past_the_end_it_is_the_next_examples()
    {
        (ExampleLayer[] run, PrefetchPlan maps) = Run();
        maps.AfterForward(Index(run, "conv2d_3"), These, Next, _prefetchers);
        Assert.AreEqual(Layer(run, "conv2d_1").Output.ImageStride, _prefetchers.Remaining, "the second convolution's output passes: the pooling reads it at once");
        maps.AfterForward(Index(run, "conv2d_3"), These, None, _prefetchers);
        Assert.AreEqual(0, _prefetchers.Remaining);
    }

    [TestMethod]
    public void Backward_it_is_what_the_layers_read_down_to_the_next_convolution()
    {
        (ExampleLayer[] run, PrefetchPlan maps) = Run();
        maps.AfterBackward(Index(run, "conv2d_3"), These, Next, _prefetchers);
        Assert.AreEqual(2 * (Winners(run) + Layer(run, "conv2d_2").Input.ImageStride), _prefetchers.Remaining);
        maps.AfterBackward(Index(run, "conv2d_2"), These, Next, _prefetchers);
        Assert.AreEqual(2 * Layer(run, "conv2d_1").Input.ImageStride, _prefetchers.Remaining);
        maps.AfterBackward(Index(run, "conv2d_1"), These, Next, _prefetchers);
        Assert.AreEqual(Layer(run, "conv2d_3").Output.ImageStride + Layer(run, "conv2d_3").Input.ImageStride, _prefetchers.Remaining, "of the next examples");
    }

    /// <summary>Three convolutions, a pooling before the last.</summary>
    private static (ExampleLayer[] Run, PrefetchPlan Maps) Run()
    {
        NetworkSpec spec = NetworkSpec.For(16, 16, 1)
            .Conv(16, 3).Relu().Conv(16, 3).Relu().MaxPool(2).Conv(32, 3).Relu().Flatten().Dense(10);
        using var workers = new Workers(1);
        var network = new Network(spec, capacity: 8, workers, trains: true);
        ExampleLayer[] run = [.. network.Layers.TakeWhile(layer => layer is ExampleLayer).Cast<ExampleLayer>()];
        return (run, new PrefetchPlan(run));
    }

    private static int Index(ExampleLayer[] run, string name) => Array.FindIndex(run, layer => layer.Name == name);

    private static ExampleLayer Layer(ExampleLayer[] run, string name) => run[Index(run, name)];

    private static nint Winners(ExampleLayer[] run) => Layer(run, "maxpool2d_1").MapsReadBack.Single().ImageStride;
}
