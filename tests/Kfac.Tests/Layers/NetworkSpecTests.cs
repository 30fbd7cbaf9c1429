using Kfac.Layers;

namespace Kfac.Tests.Layers;

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
    public void ConvolutionShapesFollowTensorFlow(int size, int kernel, int stride, Padding padding, int expected) =>
        Assert.AreEqual(new ImageShape(expected, expected, 4), NetworkSpec.For(size, size, 2).Conv(4, kernel, stride, padding).Output);

    [TestMethod]
    public void SmallCnnIsTwoConvolutionsAndAPoolingAsLongAsThereIsRoom()
    {
        NetworkSpec grey = NetworkSpec.SmallCnn(new ImageShape(28, 28, 1), 10);
        Assert.AreEqual(
            NetworkSpec.For(28, 28, 1).Conv(32, 3).Relu().Conv(32, 3).Relu().MaxPool(2).Conv(64, 3).Relu().Conv(64, 3).Relu().MaxPool(2).Flatten().Dense(128).Relu().Dense(10),
            grey);
        Assert.AreEqual(new ImageShape(7, 7, 128), NetworkSpec.SmallCnn(new ImageShape(224, 224, 3), 5).Shapes[^5]);
        Assert.AreEqual(ImageShape.Flat(2), NetworkSpec.SmallCnn(new ImageShape(3, 50, 1), 2).Output);
    }

    [TestMethod]
    public void ErrorsNameTheLayerAndWhatCameIn()
    {
        Refused(() => NetworkSpec.For(8, 8, 1).Dense(3), "layer 1 of 1", "on an input of 8x8x1", "put a Flatten before it");
        Refused(() => NetworkSpec.For(8, 8, 1).Conv(3, 3).Conv(3, 9, padding: Padding.Valid), "layer 2 of 2", "a 9x9 window does not fit into an input of 8x8x3");
        Refused(() => NetworkSpec.For(8, 8, 1).Flatten().Conv(3, 3), "works on images, but a layer before it has made a vector of them");
        Refused(() => NetworkSpec.For(8, 8, 1).Conv(0, 3), "the number of filters must be at least 1, but is 0");
        Refused(() => NetworkSpec.For(8, 8, 1).MaxPool(0), "window and stride must be 1 to 1024 by 1 to 1024, but the window is 0x0 with stride 0x0");
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
    public void JsonKeepsEveryDetail()
    {
        NetworkSpec spec = NetworkSpec.For(9, 7, 3)
            .Add(new Conv2DSpec(5, 3, 2, 2, 1, Padding.Valid, UseBias: false)).Relu().Add(new MaxPool2DSpec(2, 3, 1, 2)).Flatten().Add(new DenseSpec(4, UseBias: false));
        Assert.AreEqual(spec, NetworkSpec.FromJson(spec.ToJson()));
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
