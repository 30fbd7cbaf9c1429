using System.Numerics;
using System.Runtime.InteropServices;

namespace Kfac.Images;

/// <summary>
/// What tells two passes over images apart: their number, and two sums over the images' own hashes h_n, of pixels, label and
/// weight. <see cref="Order"/> is the chain c = mix(c + h_n), <see cref="Content"/> plain addition, whatever the order. <see cref="Heads"/> is
/// such a chain of labels and weights alone, for passes that leave out pixels.
/// </summary>
/// <remarks>For chance, not for malice: 64 bits, at about the speed of reading the pixels.</remarks>
internal record struct ImageFingerprint(long Count, ulong Content, ulong Order, ulong Heads)
{
    /// <summary>Takes in the pass's next image.</summary>
    public void Add(ReadOnlySpan<float> pixels, int label, float weight)
    {
        ulong hash = AddHead(label, weight);
        foreach (ulong pair in MemoryMarshal.Cast<float, ulong>(pixels))
        {
            hash = BitOperations.RotateLeft((hash ^ pair) * 0xD6E8FEB86659FD93, 29);
        }

        if (pixels.Length % 2 == 1)
        {
            hash = SplitMix64.Mix(hash ^ BitConverter.SingleToUInt32Bits(pixels[^1]));
        }

        Content += SplitMix64.Mix(hash);
        Order = SplitMix64.Mix(Order + hash);
    }

    /// <summary>Takes in the pass's next image without its pixels.</summary>
    /// <returns>The hash of what was taken in.</returns>
    public ulong AddHead(int label, float weight)
    {
        ulong hash = SplitMix64.Mix(((ulong)(uint)label << 32) | BitConverter.SingleToUInt32Bits(weight));
        Count++;
        Heads = SplitMix64.Mix(Heads + hash);
        return hash;
    }

    /// <inheritdoc/>
    public override readonly string ToString() => $"{Content:x16}{Order:x16}";
}
