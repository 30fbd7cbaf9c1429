using System.Buffers.Binary;
using Kfac.Fuzz;
using Kfac.Images;
using Kfac.Tests.Models;

namespace Kfac.Tests.Images;

/// <summary>Whatever happens to IDX files, they are images or are refused in words.</summary>
[TestClass]
public sealed class IdxFuzzTests
{
    private readonly IdxFolder _folder = new();

    public TestContext TestContext { get; set; } = null!;

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow(new[] { int.MaxValue, 1, 1 }, 0, "more than its 16 bytes can hold")]
    [DataRow(new[] { 0, 46341, 46341 }, 0, "no image, or images without a pixel")]
    [DataRow(new[] { 1, 0, 7 }, 0, "no image, or images without a pixel")]
    [DataRow(new[] { -1, 2, 2 }, 4, "more than its 20 bytes can hold")]
    [DataRow(new[] { 1, 2, 2 }, 3, "is cut short or damaged")]
    [DataRow(new[] { 1, 2, 2 }, 5, "goes on behind the [1, 2, 2] values that it claims")]
    public void Headers_that_claim_what_is_not_there_are_refused(int[] sizes, int values, string part)
    {
        foreach (bool compressed in (bool[])[false, true])
        {
            _folder.Write("images-idx3", Idx(sizes, values), compressed);
            _folder.Write("labels-idx1", Idx([Math.Max(sizes[0], 0)], Math.Min(sizes[0], 1)), compressed);
            long before = GC.GetAllocatedBytesForCurrentThread();
            string message = Assert.ThrowsExactly<FormatException>(() => _folder.Read()).Message;
            StringAssert.Contains(message, compressed && part.StartsWith("more", StringComparison.Ordinal) ? "more than its" : part);
            Assert.IsLessThan(4_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [TestMethod]
    public void A_compressed_file_holds_no_more_than_goes_with_its_bytes()
    {
        _folder.Write("labels-idx1", Idx([1], 1), compresses: true);
        Assert.IsLessThan(2_000, _folder.Write("images-idx3", [.. Idx([1, 300, 300], 0), .. new byte[90_000]], compresses: true));
        Assert.AreEqual(1, _folder.Read().Count);

        // 90 million bytes, of which Deflate makes a few hundred thousand.
        long bytes = _folder.Write("images-idx3", [.. Idx([1, 10_000, 9_000], 0), .. new byte[90_000_000]], compresses: true);
        long before = GC.GetAllocatedBytesForCurrentThread();
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => _folder.Read()).Message, $"more than its {bytes} bytes may hold: at most 20 times as many and 64 MiB; decompress it");
        Assert.IsLessThan(1_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Four_hundred_mutations_are_read_or_refused() => Run(mutations: 400, seed: 1, isTimed: false);

    [TestMethod]
    [TestCategory("Fuzz")]
    public void A_hundred_thousand_mutations_are_read_or_refused() => Run(mutations: 100_000, seed: 2, isTimed: true);

    private void Run(int mutations, int seed, bool isTimed)
    {
        var random = new Random(seed);
        var limits = new LoadLimits(isTimed);
        int read = 0;
        for (int number = 0; number < mutations; number++)
        {
            int count = random.Next(1, 5);
            bool compressed = random.Next(2) == 0, mutatesImages = random.Next(3) > 0;
            byte[] images = Idx([count, 3, 2], count * 6), labels = Idx([count], count);
            byte[] mutant = Mutations.OfBytes(mutatesImages ? images : labels, random);
            long bytes = _folder.Write("images-idx3", mutatesImages ? mutant : images, compressed) + _folder.Write("labels-idx1", mutatesImages ? labels : mutant, compressed);
            if (limits.TryLoad(bytes, _folder.Read, $"mutation {number} of seed {seed}", out MemoryImageSource? source))
            {
                IdxFolder.Use(source!);
                read++;
            }
        }

        TestContext.WriteLine($"{mutations} mutations: {read} read, the others refused; {limits}");
        Assert.IsGreaterThan(mutations / 50, read);
        Assert.IsGreaterThan(mutations / 4, mutations - read);
    }

    private static byte[] Idx(int[] sizes, int values)
    {
        byte[] file = [0, 0, 8, (byte)sizes.Length, .. new byte[sizes.Length * sizeof(int)], .. Enumerable.Range(0, Math.Max(values, 0)).Select(i => (byte)(i % 3))];
        for (int i = 0; i < sizes.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4 + i * sizeof(int)), sizes[i]);
        }

        return file;
    }
}
