using Kfac.Layers;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;

namespace Kfac.Tests.Running;

/// <summary>Residual blocks as data, and what a network of them leaves readable.</summary>
[TestClass]
public sealed class ResidualTests
{
    private static readonly NetworkSpec Spec = NetworkSpec.For(6, 6, 2)
        .Residual(body => body.Conv(4, 3, stride: 2).Relu().Residual(inner => inner.Conv(4, 3)).Conv(4, 3), shortcut => shortcut.Conv(4, 1, stride: 2))
        .Relu().Flatten().Dense(3);

    [TestMethod]
    public void JSON_keeps_blocks_and_what_is_in_them()
    {
        Assert.AreEqual(Spec, NetworkSpec.FromJson(Spec.ToJson()));
        Assert.AreEqual(new ImageShape(3, 3, 4), Spec.Shapes[0]);
        NetworkSpec other = NetworkSpec.For(6, 6, 2).Residual(body => body.Conv(2, 3));
        Assert.AreNotEqual(other, NetworkSpec.For(6, 6, 2).Residual(body => body.Conv(2, 3).Relu()));
        Assert.AreNotEqual(other, NetworkSpec.For(6, 6, 2).Residual(body => body.Conv(2, 3), shortcut => shortcut.Conv(2, 1)));
        Assert.AreEqual(other, NetworkSpec.FromJson(other.ToJson().Replace(",\"Shortcut\":[]", "")));
        StringAssert.Contains(other.Layers[0].ToString(), "Body of 1 layers");
    }

    [TestMethod]
    [DataRow("\"Body\":[],\"Shortcut\":[]")]
    [DataRow("\"Body\":[null],\"Shortcut\":[]")]
    [DataRow("\"Body\":[{\"layer\":\"relu\"}],\"Shortcut\":[null]")]
    [DataRow("\"Shortcut\":[]")]
    public void BlocksWithHolesAreRefused(string block) => Assert.ThrowsExactly<FormatException>(() => NetworkSpec.FromJson(
        "{\"Input\":{\"Height\":8,\"Width\":8,\"Channels\":1},\"Layers\":[{\"layer\":\"residual\"," + block + "}]}"));

    [TestMethod]
    public void Branches_that_do_not_meet_are_refused_with_both_shapes()
    {
        Refused(() => NetworkSpec.For(8, 8, 1).Residual(body => body.Conv(3, 3, stride: 2)), "the body gives 4x4x3 and the identity gives 8x8x1");
        Refused(() => NetworkSpec.For(8, 8, 1).Residual(body => body.Conv(3, 3), shortcut => shortcut.Conv(2, 1)), "the body gives 8x8x3 and the shortcut gives 8x8x2");
        Refused(() => NetworkSpec.For(8, 8, 1).Add(new ResidualSpec([new ReluSpec(), new DenseSpec(3)])), "layer 1 of 1", "layer 2 of 2 of the body", "put a Flatten before it");
        Refused(() => NetworkSpec.For(8, 8, 1).Flatten().Residual(body => body.Conv(64, 1)), "works on images, but a layer before it has made a vector of them");
        Refused(() => NetworkSpec.For(8, 8, 1).Residual(body => body.Flatten(), shortcut => shortcut.Flatten()).Conv(3, 1), "has made a vector of them");
        Refused(() => NetworkSpec.For(8, 8, 1).Residual(_ => NetworkSpec.For(4, 4, 1).Relu()), "whose input is 8x8x1, but begins with an input of 4x4x1");
        Refused(() => NetworkSpec.For(8, 8, 1).Residual(body => body), "must have at least one layer");

        static void Refused(Func<NetworkSpec> build, params string[] parts)
        {
            string message = Assert.ThrowsExactly<ArgumentException>(build).Message;
            foreach (string part in parts)
            {
                StringAssert.Contains(message, part);
            }
        }
    }

    [TestMethod]
    public void Layers_run_body_first_and_are_numbered_by_kind()
    {
        using var workers = new Workers(1);
        var network = new Network(Spec, 2, workers, trains: true);
        CollectionAssert.AreEqual(
            new[] { "fork_1", "conv2d_1", "relu_1", "fork_2", "conv2d_2", "add_1", "conv2d_3", "conv2d_4", "add_2", "relu_2", "flatten_1", "dense_1" },
            network.Layers.Select(layer => layer.Name).ToArray());
    }

    [TestMethod]
    public void Memory_is_shared_where_nothing_is_lost_and_only_there()
    {
        using var workers = new Workers(1);
        NetworkSpec spec = NetworkSpec.For(6, 6, 2).Conv(3, 3).Residual(body => body.Relu().Conv(3, 3)).Relu().Residual(body => body.Conv(3, 3).Relu()).Flatten().Dense(3);
        IReadOnlyList<Layer> layers = new Network(spec, 2, workers, trains: true).Layers;
        (Layer firstBody, var firstAdd, Layer behind) = (layers[2], (ResidualAdd)layers[4], layers[5]);
        Assert.IsFalse(firstBody.Output.IsSameMemoryAs(firstBody.Input), "a ReLU behind a fork leaves the shortcut alone");
        Assert.IsTrue(firstAdd.Output.IsSameMemoryAs(firstAdd.Input), "a sum in the memory of the convolution before it");
        Assert.IsTrue(behind.Output.IsSameMemoryAs(firstAdd.Output), "a ReLU behind a sum");
        Assert.IsTrue(firstAdd.InputGradient!.IsSameMemoryAs(firstAdd.ShortcutGradient!), "one gradient for both branches");
        (Layer lastOfBody, var secondAdd) = (layers[8], (ResidualAdd)layers[9]);
        Assert.IsFalse(secondAdd.Output.IsSameMemoryAs(secondAdd.Input), "a ReLU's output is needed when it goes back");
        Assert.IsFalse(lastOfBody.InputGradient!.IsSameMemoryAs(lastOfBody.OutputGradient!), "the gradient before a sum is the shortcut's too");
    }
}
