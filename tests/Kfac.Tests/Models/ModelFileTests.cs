using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Kfac.Fuzz;
using Kfac.Memory;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Tests.Models;

/// <summary>A saved model comes back as it was, or not at all.</summary>
[TestClass]
public sealed class ModelFileTests
{
    internal static readonly ImageClassifier Model = new ImageClassifierTrainer(new TrainingOptions
    {
        Network = NetworkSpec.For(8, 8, 1).Conv(2, 3).Relu().MaxPool(4).Flatten().Dense(3),
        Optimizer = new SgdOptions(),
        Epochs = 2,
    }).Fit(SyntheticImages.Create(30, 1), SyntheticImages.Create(9, 2));

    [TestMethod]
    public void Everything_comes_back()
    {
        ImageClassifier loaded = ImageClassifier.Load(new MemoryStream(Save()));
        Assert.AreEqual(Model.Spec, loaded.Spec);
        CollectionAssert.AreEqual(Model.History.ToArray(), loaded.History.ToArray());
        Assert.AreEqual(new TrainingRecipe(Epochs: 2, BatchSize: 30, "none", LabelSmoothing: 0, L2: 0), loaded.Recipe);
        CollectionAssert.AreEqual(Model.Scaling.Mean.ToArray(), loaded.Scaling.Mean.ToArray());
        CollectionAssert.AreEqual(Model.Scaling.Factor.ToArray(), loaded.Scaling.Factor.ToArray());
        Assert.HasCount(Model.Parameters.Count, loaded.Parameters);
        foreach ((Parameter expected, Parameter actual) in Model.Parameters.Zip(loaded.Parameters))
        {
            Assert.AreEqual(expected.Name, actual.Name);
            CollectionAssert.AreEqual(expected.Values.ToArray(), actual.Values.ToArray());
        }
    }

    [TestMethod]
    public void Every_truncation_is_noticed()
    {
        byte[] file = Save();
        for (int length = 0; length < file.Length; length += 1 + length / 50)
        {
            StringAssert.Contains(Refused(file[..length]), "ends early");
        }
    }

    [TestMethod]
    public void Every_flipped_bit_is_noticed()
    {
        byte[] file = Save();
        for (int at = 0; at < file.Length; at += 1 + at / 100)
        {
            byte[] damaged = [.. file];
            damaged[at] ^= (byte)(1 << (at % 8));
            Refused(damaged);
        }
    }

    [TestMethod]
    public void Newer_versions_and_other_files_are_refused_by_name()
    {
        byte[] file = Save();
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(8), 7);
        StringAssert.Contains(Refused(file), "the model has format version 7, but this library reads versions 1 to 4");
        StringAssert.Contains(Refused([.. Enumerable.Repeat((byte)'x', 500)]), "not a K-FAC model");
    }

    [TestMethod]
    public void False_lengths_cost_nothing()
    {
        byte[] huge = Save();
        BinaryPrimitives.WriteInt64LittleEndian(huge.AsSpan(12), 900_000_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        StringAssert.Contains(Refused(huge), "ends early: body of 900000000 bytes");
        Assert.IsLessThan(20_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
        BinaryPrimitives.WriteInt64LittleEndian(huge.AsSpan(12), -1);
        StringAssert.Contains(Refused(huge), "claims -1 bytes");
    }

    [TestMethod]
    public void Lengths_inside_must_agree_even_with_a_good_checksum()
    {
        // The last parameter is the bias [3] of the dense layer: 4 bytes of count and 12 of values before the checksum.
        byte[] file = Save();
        int count = file.Length - 32 - 16;
        StringAssert.Contains(Refused(Resign(file, f => BinaryPrimitives.WriteInt32LittleEndian(f.AsSpan(count), int.MaxValue))), "claims 2147483647 values");
        StringAssert.Contains(Refused(Resign(file, f => BinaryPrimitives.WriteInt32LittleEndian(f.AsSpan(count), 2))), "has 2 values, but its network needs 3");
        StringAssert.Contains(Refused(Resign(file, f => BinaryPrimitives.WriteSingleLittleEndian(f.AsSpan(count + 4), float.NaN))), "value 0 of the model's dense_1/bias is NaN");
        StringAssert.Contains(Refused(Resign(file, f => f[f.AsSpan().IndexOf("\"Filters\":2"u8) + 10] = (byte)'3')), "its network needs");
    }

    [TestMethod]
    public void Descriptions_that_claim_much_cost_little()
    {
        const string Image = "{\"Height\":8,\"Width\":8,\"Channels\":1}", Vast = "{\"Height\":1,\"Width\":268435456,\"Channels\":1}";
        const string Conv = "{\"layer\":\"conv2d\",\"Filters\":1,\"KernelHeight\":1,\"KernelWidth\":1,\"StrideY\":1024,\"StrideX\":1024,\"Padding\":\"Same\",\"UseBias\":false}";
        Hostile(Describe(Image, new string('[', 100_000)), "not a network description");
        Hostile(Describe(Image, string.Concat(Enumerable.Repeat("{\"layer\":\"residual\",\"Body\":[", 1_000))), "not a network description");
        Hostile(Describe(Image, new string(' ', 1 << 20)), "the model's description has 1048");
        Hostile(Describe(Image, string.Join(',', Enumerable.Repeat(Conv, 6_000))), "but its network needs");
        Hostile(Describe(Image, "{\"layer\":\"flatten\"}" + string.Concat(Enumerable.Repeat(",{\"layer\":\"dense\",\"Units\":9}", 20_000))), "but its network needs");
        Hostile(Describe(Image, Conv.Replace("\"KernelHeight\":1", "\"KernelHeight\":2147483647")), "window and stride must be 1 to 1024 by 1 to 1024");
        Hostile(Describe(Image, Conv.Replace("\"Filters\":1", "\"Filters\":2147483647")), "has more than 268435456 values");
        Hostile(Describe(Image, Conv.Replace("\"Same\"", "7")), "not a network description");
        Hostile(Describe(Vast, "{\"layer\":\"flatten\"},{\"layer\":\"dense\",\"Units\":1000}"), "too large");
        Hostile(Describe(Vast, "{\"layer\":\"flatten\"},{\"layer\":\"dense\",\"Units\":3}"), "but its network needs");

        static string Describe(string input, string layers) => $"{{\"Input\":{input},\"Layers\":[{layers}]}}";
    }

    [TestMethod]
    public void Nested_blocks_around_a_bad_layer_are_refused_in_a_few_words()
    {
        const string Relu = "{\"layer\":\"relu\"}", Residual = "{\"layer\":\"residual\",\"Body\":[";
        string bad = string.Join(',', Enumerable.Repeat(Relu, 40_000).Append("{\"layer\":\"dropout\",\"Rate\":7}"));
        string Nested(int depth) => string.Concat(Enumerable.Repeat(Residual, depth)) + bad + string.Concat(Enumerable.Repeat("]}", depth));
        byte[] file = Assemble($"{{\"Input\":{{\"Height\":8,\"Width\":8,\"Channels\":1}},\"Layers\":[{Nested(16)}]}}", "[]"), deeper = Assemble($"{{\"Input\":{{\"Height\":8,\"Width\":8,\"Channels\":1}},\"Layers\":[{Nested(17)}]}}", "[]");

        new LoadLimits(isTimed: false).TryLoad(file.Length, () => ImageClassifier.Load(new MemoryStream(file)), "nested blocks", out _);

        StringAssert.Contains(Refused(file), "layer 1 of 1 (ResidualSpec { Body of 1 layers, Shortcut of 0 }), on an input of 8x8x1");
        StringAssert.Contains(Refused(deeper), "residual blocks may be nested 16 deep, but are 17 deep");
    }

    [TestMethod]
    public void A_history_must_be_one()
    {
        StringAssert.Contains(Refused(Assemble(Model.Spec.ToJson(), "[null]")), "report 1 of the training history is missing");
        StringAssert.Contains(Refused(Assemble(Model.Spec.ToJson(), Saved().Replace("\"Epoch\":2", "\"Epoch\":2147483647"))), "report 2 of the training history is of epoch 2147483647");
        byte[] vast = Assemble(Model.Spec.ToJson(), $"[{string.Join(',', Enumerable.Repeat("{}", 1_000_000))}]");
        Assert.IsFalse(new LoadLimits(isTimed: false).TryLoad(vast.Length, () => ImageClassifier.Load(new MemoryStream(vast)), "a million reports", out _));

        static string Saved() => TrainingHistory.ToJson(Model.History);
    }

    [TestMethod]
    [DataRow("\"Epochs\":2", "\"Epochs\":0")]
    [DataRow("\"BatchSize\":30", "\"BatchSize\":-3")]
    [DataRow("\"Augmentation\":\"none\"", "\"Augmentation\":null  ")]
    [DataRow("\"LabelSmoothing\":0", "\"LabelSmoothing\":1")]
    [DataRow("\"L2\":0", "\"L3\":0")]
    public void A_recipe_must_be_one(string recorded, string other)
    {
        StringAssert.Contains(Refused(Resign(Save(), file =>
        {
            // The history has epochs, too: the recipe is behind it.
            int at = file.AsSpan().LastIndexOf(Encoding.UTF8.GetBytes(recorded));
            other = other.PadRight(recorded.Length);
            Encoding.UTF8.GetBytes(other).AsSpan(0, recorded.Length).CopyTo(file.AsSpan(at));
        })), "the model's recipe");
    }

    [TestMethod]
    public void A_recipe_may_be_without_weight_decay_but_not_below_none()
    {
        TrainingRecipe recipe = Model.Recipe! with { WeightDecay = 0.5f };
        string json = recipe.ToJson();

        Assert.AreEqual(recipe, TrainingRecipe.FromJson(json));
        Assert.AreEqual(Model.Recipe, TrainingRecipe.FromJson(json.Replace(",\"WeightDecay\":0.5", "")));
        Assert.Contains("a weight decay of 0 or more", Assert.ThrowsExactly<FormatException>(() => TrainingRecipe.FromJson(json.Replace("0.5", "-0.5"))).Message);
    }

    [TestMethod]
    public void What_Fit_refuses_Load_refuses_in_the_same_words()
    {
        NetworkSpec map = NetworkSpec.For(8, 8, 1).Conv(3, 3);
        string fit = Assert.ThrowsExactly<ArgumentException>(() => new ImageClassifierTrainer(new TrainingOptions { Network = map }).Fit(SyntheticImages.Create(30, 1))).Message;
        const string Words = "the network gives a map of 8x8x3 where one value for each class is expected: end it with Flatten() or GlobalAveragePool(), and Dense(classes)";

        StringAssert.Contains(fit, Words);
        StringAssert.Contains(Refused(Assemble(map.ToJson(), "[]")), Words);
    }

    [TestMethod]
    public void Numbers_that_no_training_leaves_behind_are_refused()
    {
        ImageClassifier model = OnnxExportTests.Create(NetworkSpec.For(8, 8, 1).BatchNorm().Flatten().Dense(3));
        Parameter variance = model.Parameters.Single(parameter => parameter.Name == "batchnorm_1/variance");
        variance.MutableValues[0] = -1e-20f;
        using var file = new MemoryStream();
        model.Save(file);
        StringAssert.Contains(Refused(file.ToArray()), "value 0 of batchnorm_1/variance is -1E-20, but a variance is never below 0");

        // Behind the texts: 4 bytes of count, the mean, 4 bytes of count, the factor.
        byte[] scaled = Save();
        int factor = 20;
        for (int text = 0; text < 2; text++)
        {
            factor += sizeof(int) + BinaryPrimitives.ReadInt32LittleEndian(scaled.AsSpan(factor));
        }

        StringAssert.Contains(Refused(Resign(scaled, f => BinaryPrimitives.WriteSingleLittleEndian(f.AsSpan(factor + 12), 0))), "value 0 of the model's scaling factor is 0, but must be above 0");
    }

    private static void Hostile(string description, string part)
    {
        byte[] file = Assemble(description, "[]");
        long before = GC.GetAllocatedBytesForCurrentThread();
        StringAssert.Contains(Refused(file), part);
        Assert.IsLessThan(64_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>A file of another description and history, with lengths and checksum as they must be.</summary>
    private static byte[] Assemble(string description, string history)
    {
        byte[] file = Save(), first = Encoding.UTF8.GetBytes(description), second = Encoding.UTF8.GetBytes(history);
        int behind = 20;
        for (int text = 0; text < 2; text++)
        {
            behind += sizeof(int) + BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(behind));
        }

        byte[] body = [.. BitConverter.GetBytes(first.Length), .. first, .. BitConverter.GetBytes(second.Length), .. second, .. file[behind..^32]];
        return Resign([.. file[..12], .. BitConverter.GetBytes((long)body.Length), .. body, .. new byte[32]], _ => { });
    }

    private static byte[] Save()
    {
        using var stream = new MemoryStream();
        Model.Save(stream);
        return stream.ToArray();
    }

    private static byte[] Resign(byte[] file, Action<byte[]> change)
    {
        byte[] changed = [.. file];
        change(changed);
        SHA256.HashData(changed.AsSpan(0, changed.Length - 32)).CopyTo(changed.AsSpan(changed.Length - 32));
        return changed;
    }

    private static string Refused(byte[] file) => Assert.ThrowsExactly<FormatException>(() => ImageClassifier.Load(new MemoryStream(file))).Message;
}
