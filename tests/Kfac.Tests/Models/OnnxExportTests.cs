using Kfac.Images;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Parallel;
using Kfac.Running;
using Kfac.Tests.Oracles;

namespace Kfac.Tests.Models;

/// <summary>An exported graph, run by ONNX Runtime, classifies as the network does.</summary>
[TestClass]
public sealed class OnnxExportTests
{
    public static IEnumerable<(string Name, NetworkSpec Spec)> Networks =>
    [
        ("small", NetworkSpec.For(8, 8, 1).Conv(4, 3).Relu().MaxPool(2).Flatten().Dense(5).Relu().Dense(3)),
        ("colour", NetworkSpec.For(7, 9, 3).Conv(5, 3).Relu().Conv(4, 3).MaxPool(2).Flatten().Dense(4)),
        ("even kernels", NetworkSpec.For(9, 6, 2).Conv(3, 2).Relu().Conv(4, 4).Flatten().Dense(2)),
        ("strides", NetworkSpec.For(11, 8, 1).Conv(3, 3, stride: 2).Relu().Conv(4, 2, stride: 2).Flatten().Dense(3)),
        ("oblong", NetworkSpec.For(9, 7, 2).Add(new Conv2DSpec(3, 4, 1, 1, 2, UseBias: false)).Relu().Add(new MaxPool2DSpec(3, 2, 2, 1)).Flatten().Add(new DenseSpec(3, UseBias: false))),
        ("valid", NetworkSpec.For(8, 8, 2).Conv(3, 3, padding: Padding.Valid).Conv(4, 2, 2, Padding.Valid).Flatten().Dense(3)),
        ("no flattening", NetworkSpec.For(4, 4, 2).Conv(6, 4, padding: Padding.Valid).Relu().Dense(3)),
        ("all convolutions", NetworkSpec.For(4, 4, 2).Conv(6, 3).Relu().Conv(3, 4, padding: Padding.Valid)),
        ("residual", NetworkSpec.For(8, 6, 2).Conv(4, 3).Residual(body => body.Relu().Conv(4, 3).Relu().Conv(4, 3)).Relu().Flatten().Dense(3)),
        ("nested", NetworkSpec.For(8, 8, 1).Conv(2, 3)
            .Residual(body => body.Conv(3, 3, stride: 2).Residual(inner => inner.Relu().Conv(3, 3)), shortcut => shortcut.Conv(3, 1, stride: 2)).MaxPool(2).Flatten().Dense(2)),
        ("vectors added", NetworkSpec.For(3, 3, 1).Conv(4, 3, padding: Padding.Valid).Residual(body => body.Dense(4).Relu().Dense(4)).Dense(2)),
        ("flattened in both branches", NetworkSpec.For(2, 3, 2).Residual(body => body.Conv(2, 3).Flatten(), shortcut => shortcut.Flatten()).Dense(2)),
        ("a vector and a map of one point", NetworkSpec.For(4, 3, 2).Residual(body => body.Conv(5, 3).GlobalAveragePool(), shortcut => shortcut.Flatten().Dense(5)).Dense(3)),
        ("the same at the end", NetworkSpec.For(4, 3, 2).Residual(body => body.Conv(3, 3).GlobalAveragePool(), shortcut => shortcut.Flatten().Dense(3))),
        ("batch normalisation", NetworkSpec.For(6, 5, 2).Conv(3, 3).BatchNorm().Relu().Conv(2, 3).BatchNorm(0.5f, 0.1f).Flatten().Dense(4).BatchNorm().Relu().Dense(3)),
        ("group normalisation", NetworkSpec.For(6, 5, 2).Conv(6, 3).GroupNorm(3).Relu().Conv(4, 3).GroupNorm(4).Conv(3, 3).LayerNorm(0.1f).Flatten().Dense(6).GroupNorm(2).Dense(5).LayerNorm().Dense(3)),
        ("average pooling", NetworkSpec.For(9, 8, 2).Conv(3, 3).Add(new AveragePool2DSpec(3, 2, 2, 1)).Conv(4, 3).GlobalAveragePool().Dense(3)),
        ("activations", NetworkSpec.For(5, 4, 2).Conv(3, 3).LeakyRelu(0.2f).Dropout().Conv(4, 3).Gelu().Flatten().Dense(6).Gelu().Dropout(0.1f).Dense(3)),
        ("dilation and groups", NetworkSpec.For(9, 8, 4).Conv(6, 3, dilation: 2).Relu().Conv(4, 3, stride: 2, dilation: 2, groups: 2).DepthwiseConv(2, useBias: false).Flatten().Dense(3)),
        ("symmetric padding", NetworkSpec.For(8, 7, 2).Conv(3, 3, stride: 2, Padding.Symmetric).Relu().Conv(4, 4, padding: Padding.Symmetric).Flatten().Dense(3)),
        ("ResNet", NetworkSpec.ResNet(new ImageShape(8, 8, 2), 3, filters: 2)),
        ("linear", NetworkSpec.For(3, 5, 3).Flatten().Dense(4)),
    ];

    [TestMethod]
    [DynamicData(nameof(Networks))]
    public void The_graph_gives_what_the_predictor_gives(string name, NetworkSpec spec)
    {
        AssertSame(name, Create(spec));
    }

    [TestMethod]
    [DataRow(1f, true, false)]
    [DataRow(0.7f, false, false)]
    [DataRow(2.5f, true, true)]
    [DataRow(1f, false, true)]
    public void Temperature_and_averaged_views_are_in_the_graph(float temperature, bool mirrored, bool shifted)
    {
        NetworkSpec spec = NetworkSpec.PhotographCnn(new ImageShape(16, 13, 3), 3, filters: 4);
        ImageClassifier plain = Create(spec), model = Create(spec, temperature, new AveragedViews(mirrored, shifted));
        AssertSame($"temperature {temperature}, mirrored {mirrored}, shifted {shifted}", model);

        // And they are no idle words.
        float[] images = Images(spec.Input, 1), other = new float[3], own = new float[3];
        using ImagePredictor predictor = model.CreatePredictor(), plainPredictor = plain.CreatePredictor();
        predictor.Predict(images, own);
        plainPredictor.Predict(images, other);
        Assert.IsTrue(own.Zip(other).Any(pair => Math.Abs(pair.First - pair.Second) > 1e-3f));
    }

    private static void AssertSame(string name, ImageClassifier model)
    {
        NetworkSpec spec = model.Spec;
        foreach (bool channelsFirst in new[] { false, true })
        {
            byte[] file = Bytes(model, new OnnxExportOptions { ChannelsFirst = channelsFirst });
            foreach (int count in new[] { 1, 3 })
            {
                float[] images = Images(spec.Input, count);
                var probabilities = new float[count * model.ClassCount];
                using ImagePredictor predictor = model.CreatePredictor(count);
                predictor.Predict(images, probabilities);

                Dictionary<string, OnnxTensor> values = OnnxRuntimeRun.Outputs(file, Input(spec.Input, count, images, channelsFirst));

                AssertShape([count, model.ClassCount], values["Score"]);
                AssertShape([count, model.ClassCount], values["Logits"]);
                AssertShape([count], values["PredictedLabel"]);
                for (int i = 0; i < probabilities.Length; i++)
                {
                    Assert.AreEqual(values["Score"].Values[i], probabilities[i], 2e-5, $"{name}, value {i} of {count} images");
                }

                int[] classes = [.. probabilities.Chunk(model.ClassCount).Select(row => Array.IndexOf(row, row.Max()))];
                CollectionAssert.AreEqual(classes, values["PredictedLabel"].Values.Select(value => (int)value).ToArray());
            }
        }
    }

    [TestMethod]
    [DataRow(false, "NHWC", "N 7 9 3", "DATA_BATCH DATA_FEATURE DATA_FEATURE DATA_CHANNEL")]
    [DataRow(true, "NCHW", "N 3 7 9", "DATA_BATCH DATA_CHANNEL DATA_FEATURE DATA_FEATURE")]
    public void The_file_says_what_it_takes_and_gives(bool channelsFirst, string layout, string shape, string meanings)
    {
        OnnxFile file = Export(Create(NetworkSpec.For(7, 9, 3).Flatten().Dense(2)), new OnnxExportOptions
        {
            InputName = "pixels",
            ScoreName = "probabilities",
            PredictedLabelName = "class",
            LogitsName = "scores",
            ChannelsFirst = channelsFirst,
            ClassNames = ["Äpfel", "\"pears\""],
            ModelVersion = 7,
            Description = "fruit",
        });

        Assert.AreEqual((7, 13, "MLNetKfac", 7, "fruit"), (file.IrVersion, file.Opset, file.Producer, file.ModelVersion, file.Description));
        Assert.AreEqual(layout, file.Metadata["input_layout"]);
        Assert.AreEqual("[\"Äpfel\",\"\\\"pears\\\"\"]", file.Metadata["class_names"]);
        OnnxDeclaration input = file.Inputs.Single();
        Assert.AreEqual(("pixels", "float", shape, meanings), (input.Name, input.Type, string.Join(' ', input.Shape), string.Join(' ', input.Meanings)));
        StringAssert.Contains(input.Doc, "in the unit of the training images");
        CollectionAssert.AreEqual(
            (string[])["probabilities float N 2", "class int64 N", "scores float N 2"],
            file.Outputs.Select(output => $"{output.Name} {output.Type} {string.Join(' ', output.Shape)}").ToArray());
    }

    [TestMethod]
    public void The_same_model_gives_the_same_bytes()
    {
        ImageClassifier model = Create(NetworkSpec.For(8, 8, 1).Conv(4, 3).Relu().Flatten().Dense(3));
        CollectionAssert.AreEqual(Bytes(model, new OnnxExportOptions()), Bytes(model, new OnnxExportOptions()));
    }

    [TestMethod]
    public void A_file_is_replaced_once_the_new_one_is_whole()
    {
        ImageClassifier model = Create(NetworkSpec.For(4, 4, 1).Flatten().Dense(2));
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kfac-");
        try
        {
            string path = Path.Combine(folder.FullName, "model.onnx");
            File.WriteAllText(path, "old");
            Assert.ThrowsExactly<ArgumentException>(() => model.ExportToOnnx(path, new OnnxExportOptions { InputName = "Score" }));
            Assert.AreEqual("old", File.ReadAllText(path));

            model.ExportToOnnx(path);

            CollectionAssert.AreEqual(Bytes(model, new OnnxExportOptions()), File.ReadAllBytes(path));
            Assert.HasCount(1, folder.GetFiles());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [TestMethod]
    public void Options_that_do_not_go_with_the_model_are_refused()
    {
        ImageClassifier model = Create(NetworkSpec.For(4, 4, 1).Flatten().Dense(2));
        Refused(new OnnxExportOptions { ScoreName = "Features" }, "four different ones");
        Refused(new OnnxExportOptions { LogitsName = " " }, "four different ones");
        Refused(new OnnxExportOptions { InputName = "network/x" }, "do not begin with 'network/'");
        Refused(new OnnxExportOptions { ClassNames = ["one"] }, "ClassNames must be 2 names, one for each class, but are 1");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Bytes(model, new OnnxExportOptions { ModelVersion = -1 }));

        void Refused(OnnxExportOptions options, string part) =>
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Bytes(model, options)).Message, part);
    }

    private static OnnxFile Export(ImageClassifier model, OnnxExportOptions options) => new(Bytes(model, options));

    private static byte[] Bytes(ImageClassifier model, OnnxExportOptions options)
    {
        using var stream = new MemoryStream();
        model.ExportToOnnx(stream, options);
        return stream.ToArray();
    }

    /// <summary>A network whose every parameter is drawn at random, biases too, with a scaling that differs by channel.</summary>
    internal static ImageClassifier Create(NetworkSpec spec, float temperature = 1, AveragedViews views = default)
    {
        using var workers = new Workers(1);
        var network = new Network(spec, capacity: 1, workers, trains: false);
        var random = new Random(3);
        network.Initialize(seed: 1);
        foreach (Parameter parameter in network.Parameters.Where(parameter => parameter.Shape.Count == 1))
        {
            // Biases are 0 before training and scales 1; an exchange of the two, say, would not show.
            foreach (ref float value in parameter.MutableValues)
            {
                value = parameter.IsBias ? random.NextSingle() - 0.5f : 0.5f + random.NextSingle();
            }
        }

        float[] mean = [.. Enumerable.Range(0, spec.Input.Channels).Select(channel => 90f + 20 * channel)];
        float[] factor = [.. Enumerable.Range(1, spec.Input.Channels).Select(channel => 1f / (40 + 10 * channel))];
        return new ImageClassifier(spec, network.Store, new InputScaling(spec.Input, mean, factor), []) { Temperature = temperature, Views = views };
    }

    private static float[] Images(ImageShape shape, int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count * shape.Size).Select(_ => 255 * random.NextSingle())];
    }

    /// <summary>Images [N, H, W, C] as the input of a graph.</summary>
    private static OnnxTensor Input(ImageShape shape, int count, float[] images, bool channelsFirst)
    {
        (int height, int width, int channels) = shape;
        if (!channelsFirst)
        {
            return new OnnxTensor([count, height, width, channels], Array.ConvertAll(images, pixel => (double)pixel));
        }

        int plane = height * width;
        return new OnnxTensor([count, channels, height, width], [.. Enumerable.Range(0, images.Length).Select(i =>
            (double)images[i / shape.Size * shape.Size + i % plane * channels + i / plane % channels])]);
    }

    private static void AssertShape(int[] expected, OnnxTensor actual) => CollectionAssert.AreEqual(expected, actual.Shape);
}
