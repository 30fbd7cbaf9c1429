using Kfac.Networks;

namespace Kfac.Tests.Networks;

/// <summary>Networks as data: shapes, errors, JSON.</summary>
[TestClass]
public sealed class NetworkSpecTests
{
    [TestMethod]
    [DataRow(28, 3, 1, Padding.Same, 28)]
    [DataRow(28, 3, 1, Padding.Valid, 26)]
    [DataRow(28, 5, 2, Padding.Same, 14)]
    [DataRow(7, 4, 3, Padding.Same, 3)]
    [DataRow(7, 4, 3, Padding.Valid, 2)]
    [DataRow(28, 3, 1, Padding.Symmetric, 28)]
    [DataRow(28, 3, 2, Padding.Symmetric, 14)]
    [DataRow(28, 4, 1, Padding.Symmetric, 27)]
    [DataRow(7, 7, 2, Padding.Symmetric, 4)]
    public void Convolution_shapes_follow_TensorFlow_and_for_symmetric_padding_PyTorch(int size, int kernel, int stride, Padding padding, int expected) =>
        Assert.AreEqual(new ImageShape(expected, expected, 4), NetworkSpec.For(size, size, 2).Conv(4, kernel, stride, padding).Output);

    [TestMethod]
    [DataRow(9, 3, 1, 2, Padding.Same, 9, 2, 2)]
    [DataRow(9, 3, 2, 2, Padding.Same, 5, 2, 2)]
    [DataRow(8, 3, 2, 1, Padding.Same, 4, 0, 1)]
    [DataRow(8, 3, 2, 1, Padding.Symmetric, 4, 1, 1)]
    [DataRow(9, 3, 1, 3, Padding.Valid, 3, 0, 0)]
    [DataRow(8, 4, 1, 3, Padding.Symmetric, 7, 4, 4)]
    public void Dilated_windows_reach_as_far_as_their_last_tap(int size, int kernel, int stride, int dilation, Padding padding, int expected, int before, int after)
    {
        Window window = Window.Infer(new ImageShape(size, 100, 1), kernel, 1, stride, 1, padding, dilation);
        Assert.AreEqual((expected, before, after), (window.OutputHeight, window.PadTop, window.PadBottom));
    }

    [TestMethod]
    public void Small_CNN_is_two_convolutions_and_a_pooling_as_long_as_there_is_room()
    {
        NetworkSpec grey = NetworkSpec.SmallCnn(new ImageShape(28, 28, 1), 10);
        Assert.AreEqual(
            NetworkSpec.For(28, 28, 1).Conv(32, 3).Relu().Conv(32, 3).Relu().MaxPool(2).Conv(64, 3).Relu().Conv(64, 3).Relu().MaxPool(2).Flatten().Dense(128).Relu().Dense(10),
            grey);
        Assert.AreEqual(new ImageShape(7, 7, 128), NetworkSpec.SmallCnn(new ImageShape(224, 224, 3), 5).Shapes[^5]);
        Assert.AreEqual(ImageShape.Flat(2), NetworkSpec.SmallCnn(new ImageShape(3, 50, 1), 2).Output);
    }

    [TestMethod]
    public void Errors_name_the_layer_and_what_came_in()
    {
        Refused(() => NetworkSpec.For(8, 8, 1).Dense(3), "layer 1 of 1", "on an input of 8x8x1", "put a Flatten before it");
        Refused(() => NetworkSpec.For(8, 8, 1).Conv(3, 3).Conv(3, 9, padding: Padding.Valid), "layer 2 of 2", "a 9x9 window does not fit into an input of 8x8x3");
        Refused(() => NetworkSpec.For(8, 8, 1).Flatten().Conv(3, 3), "works on images, but a layer before it has made a vector of them");
        Refused(() => NetworkSpec.For(8, 8, 1).Conv(0, 3), "the number of filters must be at least 1, but is 0");
        Refused(() => NetworkSpec.For(8, 8, 1).MaxPool(0), "window and stride must be 1 to 1024 by 1 to 1024, but the window is 0x0 with stride 0x0");
        Refused(() => NetworkSpec.For(8, 8, 1).Conv(3, 3, dilation: 0), "must be 1 to 1024 by 1 to 1024, but the window is 3x3 with stride 1x1 and dilation 0x0");
        Refused(() => NetworkSpec.For(8, 8, 1).Conv(3, 3, padding: Padding.Valid, dilation: 4), "a 3x3 window and dilation 4x4 does not fit into an input of 8x8x1");
        Refused(() => NetworkSpec.For(8, 8, 1).Conv(3, int.MaxValue, dilation: int.MaxValue), "must be 1 to 1024 by 1 to 1024");
        Refused(() => NetworkSpec.For(8, 8, 4).Conv(6, 3, groups: 3), "there are 3 groups and 6 filters, and its input is 8x8x4");
        Refused(() => NetworkSpec.For(8, 8, 4).Conv(6, 3, groups: 4), "there are 4 groups and 6 filters, and its input is 8x8x4");
        Refused(() => NetworkSpec.For(8, 8, 1).Conv(3, 3, groups: 0), "the number of groups must be at least 1, but is 0");
        Refused(() => NetworkSpec.For(8, 8, 1).Conv(3, 3, padding: (Padding)7), "padding must be one of Same, Valid, Symmetric, but is 7");
        Refused(() => NetworkSpec.For(0, 8, 1), "must be positive in every dimension, but is 0x8x1");
        Refused(() => NetworkSpec.For(40000, 40000, 3), "has more than 268435456 values");

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
    public void JSON_keeps_every_detail()
    {
        NetworkSpec spec = NetworkSpec.For(9, 7, 3)
            .Add(new Conv2DSpec(5, 3, 2, 2, 1, Padding.Valid, UseBias: false)).Relu().Add(new MaxPool2DSpec(2, 3, 1, 2)).Flatten().Add(new DenseSpec(4, UseBias: false));
        Assert.AreEqual(spec, NetworkSpec.FromJson(spec.ToJson()));
        NetworkSpec older = NetworkSpec.FromJson("{\"Input\":{\"Height\":9,\"Width\":7,\"Channels\":3},\"Layers\":[{\"layer\":\"conv2d\",\"Filters\":5,\"KernelHeight\":3,\"KernelWidth\":3,\"StrideY\":1,\"StrideX\":1,\"Padding\":\"Same\",\"UseBias\":true}]}");
        Assert.AreEqual(NetworkSpec.For(9, 7, 3).Conv(5, 3), older);
        NetworkSpec grouped = NetworkSpec.For(9, 7, 3).Add(new Conv2DSpec(6, 3, 2, 2, 1, Padding.Symmetric, false, 2, 3, 3)).DepthwiseConv(3);
        Assert.AreEqual(grouped, NetworkSpec.FromJson(grouped.ToJson()));
        Assert.AreNotEqual(spec, NetworkSpec.FromJson(spec.ToJson().Replace("\"Filters\":5", "\"Filters\":6")));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("null")]
    [DataRow("{}")]
    [DataRow("{\"Input\":{\"Height\":8,\"Width\":8,\"Channels\":1},\"Layers\":[{\"layer\":\"transformer\"}]}")]
    [DataRow("{\"Input\":{\"Height\":8,\"Width\":8,\"Channels\":1},\"Layers\":[null]}")]
    [DataRow("{\"Input\":{\"Height\":8,\"Width\":8,\"Channels\":1},\"Layers\":[{\"layer\":\"dense\",\"Units\":3}]}")]
    public void TextThatIsNoNetworkIsRefused(string json) => Assert.ThrowsExactly<FormatException>(() => NetworkSpec.FromJson(json));
}
