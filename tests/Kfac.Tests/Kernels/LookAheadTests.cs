using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

/// <summary>Memory to come is asked for in order, all of it and nothing else.</summary>
[TestClass]
public sealed unsafe class LookAheadTests
{
    private const int Line = 16;

    [TestMethod]
    public void EveryStretchIsGoneThroughAFewLinesAtATime()
    {
        var memory = new AlignedBuffer(200 * Line);
        var ahead = new LookAhead(capacity: 3);
        ahead.Add(memory.Pointer, 40 * Line);
        ahead.Add(memory.Pointer, 0);
        ahead.Add(memory.Pointer + (40 * Line), 160 * Line);
        Assert.AreEqual(200 * Line, ahead.Remaining);
        if (!System.Runtime.Intrinsics.X86.Sse.IsSupported)
        {
            // Without a prefetch instruction nothing is ever asked for.
            ahead.Advance();
            Assert.AreEqual(200 * Line, ahead.Remaining);
            return;
        }

        for (int lines = 200 - LookAhead.LinesAtOnce; lines > 0; lines -= LookAhead.LinesAtOnce)
        {
            ahead.Advance();
            Assert.AreEqual(lines * Line, ahead.Remaining);
        }

        ahead.Advance();
        Assert.AreEqual(0, ahead.Remaining);
        ahead.Advance();
        Assert.AreEqual(0, ahead.Remaining);
    }

    [TestMethod]
    public void ClearingForgetsWhatIsLeft()
    {
        var memory = new AlignedBuffer(Line);
        var ahead = new LookAhead(capacity: 1);
        for (int time = 0; time < 3; time++)
        {
            ahead.Add(memory.Pointer, Line);
            ahead.Clear();
            Assert.AreEqual(0, ahead.Remaining);
        }
    }
}
