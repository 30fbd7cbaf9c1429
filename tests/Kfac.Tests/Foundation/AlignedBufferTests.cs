namespace Kfac.Tests.Foundation;

/// <summary>Memory for kernels.</summary>
[TestClass]
public sealed unsafe class AlignedBufferTests
{
    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(16)]
    [DataRow(1000)]
    [DataRow(100_000)]
    public void It_begins_on_a_cache_line_and_is_zero_to_16_floats_behind_its_end(int length)
    {
        var buffer = new AlignedBuffer(length);

        Assert.AreEqual(0, (nint)buffer.Pointer % 64);
        Assert.HasCount(length, buffer.Span.ToArray());
        Assert.IsTrue(new Span<float>(buffer.Pointer, length + 16).ToArray().All(value => value == 0));
        GC.KeepAlive(buffer);
    }

#if GUARD_PAGES
    [TestMethod]
    [DataRow(16)]
    [DataRow(1000)]
    [DataRow(100_000)]
    public void Pages_that_nobody_may_touch_lie_on_either_side(int length)
    {
        var buffer = new AlignedBuffer(length);
        nint end = (nint)buffer.Pointer + (sizeof(float) * (nint)(AlignedBuffer.RoundUp(length) + 16));

        Assert.AreEqual(0, end % Environment.SystemPageSize);
        Assert.AreEqual("rw-p", Permissions((nint)buffer.Pointer));
        Assert.AreEqual("rw-p", Permissions(end - 1));
        Assert.AreEqual("---p", Permissions(end));
        Assert.AreEqual("---p", Permissions((nint)buffer.Pointer / Environment.SystemPageSize * Environment.SystemPageSize - 1));
        GC.KeepAlive(buffer);

        static string Permissions(nint address) => File.ReadLines("/proc/self/maps").First(line =>
        {
            string[] ends = line.Split(' ')[0].Split('-');
            return Convert.ToInt64(ends[0], 16) <= address && address < Convert.ToInt64(ends[1], 16);
        }).Split(' ')[1];
    }
#endif
}
