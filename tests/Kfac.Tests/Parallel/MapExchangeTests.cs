using Kfac.Kernels;
using Kfac.Memory;

namespace Kfac.Tests.Parallel;

/// <summary>Each rank gets the channels that it wants of the others' maps, and nothing else changes.</summary>
[TestClass]
public sealed class MapExchangeTests
{
    private const float Untouched = -1;

    /// <summary>Shapes of one piece, of several, and of rows longer than a piece; more ranks than slices.</summary>
    [TestMethod]
    [DataRow(1, 9, 9, 3, 2, 5)]
    [DataRow(2, 9, 9, 3, 2, 5)]
    [DataRow(3, 20, 7, 1, 1, 12)]
    [DataRow(4, 18, 18, 40, 50, 7)]
    [DataRow(3, 8, 3, 2, 1100, 64)]
    [DataRow(5, 3, 3, 2, 2, 4)]
    public void Wanted_channels_arrive(int size, int batch, int examples, int height, int width, int channels)
    {
        var shape = new ImageShape(height, width, channels);
        Range[] wanted = [.. Enumerable.Range(0, size).Select(rank => rank == 1 ? .. : (channels * rank / size)..(channels * (rank + 1) / size))];
        ThreadRanks.Run(size, ranks =>
        {
            var partition = new BatchPartition(batch, ranks);
            var maps = new ActivationBuffer(shape, new Halo(1, 2, 3, 1), batch);
            Visit(maps, batch, (n, at) => Contains(partition.Own, n) ? Value(n, at) : Untouched, (expected, value) => expected);
            MapExchange.Gather(maps, partition, examples, wanted);

            (int first, int count) = wanted[ranks.Rank].GetOffsetAndLength(channels);
            Visit(maps, batch, (n, at) => Contains(partition.Own, n) || (n < examples && at % channels >= first && at % channels < first + count) ? Value(n, at) : Untouched, (expected, value) =>
            {
                Assert.AreEqual(expected, value);
                return value;
            });
            AssertHaloIsZero(maps, batch);
            return true;
        });
    }

    private static bool Contains(ExampleRange range, int example) => range.First <= example && example < range.End;

    private static float Value(int example, int at) => (example * 7919 + at) % 65521;

    private static void Visit(ActivationBuffer maps, int batch, Func<int, int, float> expected, Func<float, float, float> visit)
    {
        for (int n = 0; n < batch; n++)
        {
            for (int row = 0; row < maps.Shape.Height; row++)
            {
                Span<float> values = maps.Row(n, row);
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] = visit(expected(n, row * values.Length + i), values[i]);
                }
            }
        }
    }

    private static unsafe void AssertHaloIsZero(ActivationBuffer maps, int batch)
    {
        Halo halo = maps.Halo;
        for (int n = 0; n < batch; n++)
        {
            for (int row = -halo.Top; row < maps.Shape.Height + halo.Bottom; row++)
            {
                float* pixels = maps[n].Origin + row * maps.RowStride;
                bool isInside = row >= 0 && row < maps.Shape.Height;
                var left = new ReadOnlySpan<float>(pixels - halo.Left * maps.Shape.Channels, halo.Left * maps.Shape.Channels);
                var right = new ReadOnlySpan<float>(pixels + maps.Shape.Width * maps.Shape.Channels, halo.Right * maps.Shape.Channels);
                Assert.IsFalse(left.ContainsAnyExcept(0) || right.ContainsAnyExcept(0));
                Assert.IsFalse(!isInside && new ReadOnlySpan<float>(pixels, maps.Shape.Width * maps.Shape.Channels).ContainsAnyExcept(0));
            }
        }
    }
}
