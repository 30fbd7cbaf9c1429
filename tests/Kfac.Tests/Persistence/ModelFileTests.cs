using System.Buffers.Binary;
using System.Security.Cryptography;
using Kfac.Layers;
using Kfac.Optimizers;
using Kfac.Tests.Training;
using Kfac.Training;

namespace Kfac.Tests.Persistence;

/// <summary>A saved model comes back as it was, or not at all.</summary>
[TestClass]
public sealed class ModelFileTests
{
    private static readonly ImageClassifier Model = new ImageClassifierTrainer(new TrainingOptions
    {
        Network = NetworkSpec.For(8, 8, 1).Conv(2, 3).Relu().MaxPool(4).Flatten().Dense(3),
        Optimizer = new SgdOptions(),
        Epochs = 2,
    }).Fit(SyntheticImages.Create(30, 1), SyntheticImages.Create(9, 2));

    [TestMethod]
    public void EverythingComesBack()
    {
        ImageClassifier loaded = ImageClassifier.Load(new MemoryStream(Save()));
        Assert.AreEqual(Model.Spec, loaded.Spec);
        CollectionAssert.AreEqual(Model.History.ToArray(), loaded.History.ToArray());
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
    public void EveryTruncationIsNoticed()
    {
        byte[] file = Save();
        for (int length = 0; length < file.Length; length += 1 + length / 50)
        {
            StringAssert.Contains(Refused(file[..length]), "ends early");
        }
    }

    [TestMethod]
    public void EveryFlippedBitIsNoticed()
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
    public void NewerVersionsAndOtherFilesAreRefusedByName()
    {
        byte[] file = Save();
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(8), 7);
        StringAssert.Contains(Refused(file), "the model has format version 7, but this library reads version 1");
        StringAssert.Contains(Refused([.. Enumerable.Repeat((byte)'x', 500)]), "not a K-FAC model");
    }

    [TestMethod]
    public void FalseLengthsCostNothing()
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
    public void LengthsInsideMustAgreeEvenWithAGoodChecksum()
    {
        // The last parameter is the bias [3] of the dense layer: 4 bytes of count and 12 of values before the checksum.
        byte[] file = Save();
        int count = file.Length - 32 - 16;
        StringAssert.Contains(Refused(Resign(file, f => BinaryPrimitives.WriteInt32LittleEndian(f.AsSpan(count), int.MaxValue))), "claims 2147483647 values");
        StringAssert.Contains(Refused(Resign(file, f => BinaryPrimitives.WriteInt32LittleEndian(f.AsSpan(count), 2))), "has 2 values, but its network needs 3");
        StringAssert.Contains(Refused(Resign(file, f => BinaryPrimitives.WriteSingleLittleEndian(f.AsSpan(count + 4), float.NaN))), "value 0 of the model's dense_1/bias is NaN");
        StringAssert.Contains(Refused(Resign(file, f => f[f.AsSpan().IndexOf("\"Filters\":2"u8) + 10] = (byte)'3')), "its network needs");
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
