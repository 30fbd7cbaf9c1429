using MLNetKfac.ModelIO;

namespace MLNetKfac.Tests.ModelIO;

[TestClass]
public sealed class TransformerRecordTests
{
    [TestMethod]
    public void Reads_back_what_it_wrote_and_not_a_byte_more()
    {
        byte[] written = Written(new TransformerRecord(7, new byte[] { 1, 2, 3 }));
        using MemoryStream stream = new([.. written, 0xEE, 0xEE]);
        using BinaryReader reader = new(stream);

        TransformerRecord read = TransformerRecord.ReadFrom(reader);

        Assert.AreEqual(7, read.Version);
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3 }, read.Payload.ToArray());
        Assert.AreEqual(written.Length, stream.Position);
    }

    [TestMethod]
    public void The_layout_is_fixed()
    {
        byte[] expected = [23, .. "KfacImageClassification"u8, 7, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3];

        CollectionAssert.AreEqual(expected, Written(new TransformerRecord(7, new byte[] { 1, 2, 3 })));
    }

    [TestMethod]
    public void Another_kind_is_refused_with_the_kind_found_and_the_kind_known()
    {
        byte[] other = Written(new TransformerRecord(1, new byte[5]));
        other[1] = (byte)'X';

        string message = Assert.ThrowsExactly<InvalidDataException>(() => Read(other)).Message;

        StringAssert.Contains(message, "'XfacImageClassification'");
        StringAssert.Contains(message, "'KfacImageClassification'");
    }

    [TestMethod]
    public void Every_truncation_is_reported_as_damage()
    {
        byte[] whole = Written(new TransformerRecord(1, new byte[5]));
        for (int length = 0; length < whole.Length; length++)
        {
            byte[] part = whole[..length];
            StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => Read(part)).Message, "damaged");
        }
    }

    [TestMethod]
    [DataRow(-1L)]
    [DataRow(6L)]
    [DataRow(1L << 30)]
    [DataRow(long.MaxValue)]
    [DataRow(long.MinValue)]
    public void A_claimed_payload_length_is_checked_before_anything_is_allocated(long claimed)
    {
        byte[] whole = Written(new TransformerRecord(1, new byte[5]));
        BitConverter.TryWriteBytes(whole.AsSpan(whole.Length - 5 - sizeof(long)), claimed);

        long before = GC.GetAllocatedBytesForCurrentThread();
        InvalidDataException damage = Assert.ThrowsExactly<InvalidDataException>(() => Read(whole));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        StringAssert.Contains(damage.Message, $"claims {claimed} bytes");
        StringAssert.Contains(damage.Message, "5 are left");
        // Room for the reader, the exception and its stack trace.
        Assert.IsLessThan(1 << 20, allocated);
    }

    private static byte[] Written(TransformerRecord record)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        record.WriteTo(writer);
        return stream.ToArray();
    }

    private static TransformerRecord Read(byte[] bytes)
    {
        using BinaryReader reader = new(new MemoryStream(bytes));
        return TransformerRecord.ReadFrom(reader);
    }
}
