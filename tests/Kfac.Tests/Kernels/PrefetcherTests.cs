using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

/// <summary>Memory to come is asked for in order, all of it and nothing else.</summary>
[TestClass]
public sealed unsafe class PrefetcherTests
{
    private const int Line = 16;

    [TestMethod]
    public void Every_stretch_is_gone_through_a_few_lines_at_a_time()
    {
        const int Groups = 4;
        var memory = new AlignedBuffer(200 * Line);
        var ahead = new Prefetcher(capacity: 3);
        ahead.Add(memory.Pointer, 40 * Line);
        ahead.Add(memory.Pointer, 0);
        ahead.Add(memory.Pointer + (40 * Line), 159 * Line);
        Assert.AreEqual(199 * Line, ahead.Remaining);
        var t = new TileArguments { Length = 10 };
        if (!System.Runtime.Intrinsics.X86.Sse.IsSupported)
        {
            // Without a prefetch instruction nothing is ever asked for.
            ahead.SpreadOver(ref t, Groups);
            Assert.AreEqual((0, 199 * Line), (t.PrefetchedLines, ahead.Remaining));
            return;
        }

        nint asked = 0;
        for (nint left = 199; left > 0; left = ahead.Remaining / Line)
        {
            ahead.SpreadOver(ref t, Groups);
            Assert.IsTrue(t.Ahead == memory.Pointer + (asked * Line), "in order, without gaps");
            Assert.IsTrue(t.PrefetchedLines is > 0 and <= 5, "a line for two terms at most");
            asked += Groups * t.PrefetchedLines;
            Assert.AreEqual(Math.Max(199 - asked, 0), ahead.Remaining / Line);
        }

        Assert.IsTrue(asked is >= 199 and < 199 + Groups, "all, and no more than the groups being equal makes it");
        ahead.SpreadOver(ref t, Groups);
        Assert.AreEqual(0, t.PrefetchedLines);
    }

    [TestMethod]
    public void Few_terms_still_ask_for_a_line_but_none_for_none()
    {
        var memory = new AlignedBuffer(8 * Line);
        var ahead = new Prefetcher(capacity: 1);
        ahead.Add(memory.Pointer, 8 * Line);
        var t = new TileArguments { Length = 1 };
        ahead.SpreadOver(ref t, groups: 0);
        Assert.AreEqual((0, 8 * Line), (t.PrefetchedLines, ahead.Remaining));
        ahead.SpreadOver(ref t, groups: 3);
        Assert.AreEqual(System.Runtime.Intrinsics.X86.Sse.IsSupported ? 1 : 0, t.PrefetchedLines);
    }

    [TestMethod]
    public void Clearing_forgets_what_is_left()
    {
        var memory = new AlignedBuffer(Line);
        var ahead = new Prefetcher(capacity: 1);
        for (int time = 0; time < 3; time++)
        {
            ahead.Add(memory.Pointer, Line);
            ahead.Clear();
            Assert.AreEqual(0, ahead.Remaining);
        }
    }
}
