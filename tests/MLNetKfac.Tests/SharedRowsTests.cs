using Kfac.Tests.Parallel;
using MLNetKfac.Columns;

namespace MLNetKfac.Tests;

/// <summary>Rows that ranks read for each other.</summary>
[TestClass]
public sealed class SharedRowsTests
{
    private const int ImageSize = 7;

    [TestMethod]
    [DataRow(0, 2)]
    [DataRow(1, 2)]
    [DataRow(127, 3)]
    [DataRow(256, 2)]
    [DataRow(257, 2)]
    [DataRow(1000, 3)]
    public void All_ranks_see_all_rows_in_their_order(int count, int size)
    {
        string[] expected = Describe(new Numbers(count));

        foreach (string[] rows in ThreadRanks.Run(size, ranks => Describe(new SharedRows(new Numbers(count), ImageSize, ranks))))
        {
            CollectionAssert.AreEqual(expected, rows);
        }
    }

    /// <summary>The table of docs/distributed.md, with 12 bytes for the round itself.</summary>
    [TestMethod]
    [DataRow(true, ImageSize)]
    [DataRow(false, ImageSize * sizeof(float))]
    public void The_bytes_sent_are_those_of_the_formula(bool areBytes, int bytesOfImage)
    {
        const int Size = 3, Count = 500, Rounds = 2;
        long[] sent = ThreadRanks.Run(Size, ranks =>
        {
            Describe(new SharedRows(new Numbers(Count) { AreBytes = _ => areBytes }, ImageSize, ranks));
            return ranks.BytesSent;
        });

        Assert.AreEqual((bytesOfImage + 12) * Count * (Size - 1) + 12 * Rounds * Size * (Size - 1), sent.Sum());
    }

    private static string[] Describe(IImageRows rows)
    {
        var seen = new List<string>();
        var pixels = new float[ImageSize];
        while (rows.MoveNext())
        {
            RowHead head = rows.Read(pixels);
            seen.Add($"{rows.Position}: {head} {(head.IsUsable ? string.Join(' ', pixels) : "")}");
        }

        return [.. seen];
    }

    /// <summary>Rows of numbers; every tenth has no label, and of some the pixels are no bytes.</summary>
    private sealed class Numbers(int count) : IImageRows
    {
        public Func<long, bool> AreBytes { get; init; } = row => row / 128 % 2 == 0;

        public long Position { get; private set; } = -1;

        public bool MoveNext() => ++Position < count;

        public RowHead ReadHead() => throw new NotSupportedException();

        public RowHead Read(Span<float> pixels)
        {
            if (Position % 10 == 9)
            {
                return new RowHead(-1, 1, -1);
            }

            for (int i = 0; i < pixels.Length; i++)
            {
                pixels[i] = (Position + i) % 256 + (AreBytes(Position) ? 0 : 0.5f);
            }

            return new RowHead((int)(Position % 3), Position, -1);
        }

        public void Dispose()
        {
        }
    }
}
