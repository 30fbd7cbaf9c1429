namespace Kfac.Tests.Foundation;

/// <summary>What was captured comes back, from a file too, or nothing changes.</summary>
[TestClass]
public sealed class StateDictionaryTests
{
    [TestMethod]
    public void Everything_comes_back_from_a_file()
    {
        var captured = new Memory { Weights = [1, 2, 3], Sums = [0.1, -double.Epsilon], Steps = long.MaxValue, HasSums = true, Note = "Ä" };
        using var file = new MemoryStream();
        StateDictionary.Capture(captured.CaptureOrRestore).Write(file);
        file.Position = 0;
        var restored = new Memory { Note = "x" };

        Assert.IsTrue(StateDictionary.Read(file).TryRestore(restored.CaptureOrRestore));

        CollectionAssert.AreEqual(captured.Weights, restored.Weights);
        CollectionAssert.AreEqual(captured.Sums, restored.Sums);
        Assert.AreEqual((captured.Steps, captured.HasSums, captured.Note), (restored.Steps, restored.HasSums, restored.Note));
        Assert.AreEqual(file.Length, file.Position);
    }

    [TestMethod]
    public void What_does_not_fit_changes_nothing()
    {
        StateDictionary other = StateDictionary.Capture(new Memory { Weights = [1, 2, 3, 4], Steps = 5 }.CaptureOrRestore);
        var memory = new Memory { Weights = [7, 8, 9], Sums = [1, 2], HasSums = true, Steps = 3, Note = "kept" };

        Assert.IsFalse(other.TryRestore(memory.CaptureOrRestore));
        Assert.IsFalse(StateDictionary.Capture(state => state.CaptureOrRestore("other", ref memory.Steps)).TryRestore(memory.CaptureOrRestore));
        Assert.IsFalse(StateDictionary.Capture(new Memory { HasSums = true }.CaptureOrRestore).TryRestore(state => state.CaptureOrRestore("steps", ref memory.Steps)), "entries that nobody asks for");

        CollectionAssert.AreEqual((float[])[7, 8, 9], memory.Weights);
        CollectionAssert.AreEqual((double[])[1, 2], memory.Sums);
        Assert.AreEqual((3L, true, "kept"), (memory.Steps, memory.HasSums, memory.Note));
    }

    [TestMethod]
    public void Values_that_cannot_be_change_nothing()
    {
        var memory = new Memory { Steps = 3 };
        StateDictionary negative = StateDictionary.Capture(new Memory { Steps = -1, Weights = [1, 2, 3] }.CaptureOrRestore);
        int two = 2;
        StateDictionary flag = StateDictionary.Capture(state => state.CaptureOrRestore("hasSums", ref two));

        Assert.IsFalse(negative.TryRestore(memory.CaptureOrRestore), "steps that are negative");
        Assert.IsFalse(flag.TryRestore(state => state.CaptureOrRestore("hasSums", ref memory.HasSums)), "a flag of 2");

        CollectionAssert.AreEqual(new float[3], memory.Weights);
        Assert.AreEqual((3L, false), (memory.Steps, memory.HasSums));
    }

    [TestMethod]
    [DataRow(float.NaN, 0.0)]
    [DataRow(float.NegativeInfinity, 0.0)]
    [DataRow(0f, double.NaN)]
    [DataRow(0f, double.PositiveInfinity)]
    public void Values_that_are_not_finite_are_refused(float weight, double sum)
    {
        using var file = new MemoryStream();
        StateDictionary.Capture(new Memory { Weights = [0, 1, weight], Sums = [sum, 1], HasSums = true }.CaptureOrRestore).Write(file);
        file.Position = 0;

        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => StateDictionary.Read(file)).Message, "holds a NaN or an infinity");
    }

    [TestMethod]
    public void False_lengths_cost_nothing()
    {
        using var file = new MemoryStream();
        StateDictionary.Capture(state => state.CaptureOrRestore<float>("a", new float[4])).Write(file);
        byte[] bytes = file.ToArray();
        BitConverter.TryWriteBytes(bytes.AsSpan(sizeof(int) + 3), int.MaxValue);
        long before = GC.GetAllocatedBytesForCurrentThread();

        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => StateDictionary.Read(new MemoryStream(bytes))).Message, "claims 2147483647 values of type 0, but 16 bytes are left");

        Assert.IsLessThan(1_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void A_name_that_is_not_utf8_is_refused()
    {
        // Read as 255 replacement characters, it would take 765 bytes when saved, where 255 are possible.
        byte[] name = [.. Enumerable.Repeat((byte)0xff, 255)];
        byte[] bytes = [1, 0, 0, 0, (byte)name.Length, .. name, 0, 0, 0, 0, 0];

        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => StateDictionary.Read(new MemoryStream(bytes))).Message, "the name of entry 1 of the optimizer's state is not UTF-8");
    }

    [TestMethod]
    public void A_negative_number_of_entries_is_refused() =>
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => StateDictionary.Read(new MemoryStream([255, 255, 255, 255]))).Message, "claims -1 entries");

    private sealed class Memory
    {
        public float[] Weights = new float[3];
        public double[] Sums = new double[2];
        public long Steps;
        public bool HasSums;
        public string? Note;

        public void CaptureOrRestore(StateDictionary state)
        {
            state.CaptureOrRestore("steps", ref Steps);
            state.RequirePossible(Steps >= 0);
            state.CaptureOrRestore("hasSums", ref HasSums);
            state.CaptureOrRestore("note", ref Note);
            state.CaptureOrRestore<float>("weights", Weights);
            if (HasSums)
            {
                state.CaptureOrRestore<double>("sums", Sums);
            }
        }
    }
}
