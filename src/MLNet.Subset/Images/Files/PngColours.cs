using System.Buffers.Binary;

namespace Microsoft.ML.Data;

/// <summary>What the samples of a PNG pixel mean: its colour type and bit depth, palette and transparent colour.</summary>
internal sealed class PngColours
{
    private const int Grey = 0;
    private const int Rgb = 2;
    private const int Indexed = 3;
    private const int GreyAlpha = 4;
    private const int Rgba = 6;

    private readonly int _type;
    private readonly int _depth;

    public PngColours(int type, int depth)
    {
        bool isValid = type switch
        {
            Grey => depth is 1 or 2 or 4 or 8 or 16,
            Indexed => depth is 1 or 2 or 4 or 8,
            Rgb or GreyAlpha or Rgba => depth is 8 or 16,
            _ => false,
        };
        if (!isValid)
        {
            throw new FormatException($"The PNG file claims colour type {type} with {depth} bits, which does not exist.");
        }

        _type = type;
        _depth = depth;
        Samples = type switch
        {
            GreyAlpha => 2,
            Rgb => 3,
            Rgba => 4,
            _ => 1,
        };
    }

    /// <summary>The number of samples of a pixel.</summary>
    public int Samples { get; }

    /// <summary>Red, green and blue of each index.</summary>
    public byte[] Palette { get; set; } = [];

    /// <summary>The alpha of each index; or, without palette, the one grey or colour that is transparent.</summary>
    public byte[] Transparency { get; set; } = [];

    /// <summary>Writes pixel number <paramref name="index"/> of a line as blue, green, red and alpha.</summary>
    public void WritePixel(ReadOnlySpan<byte> line, int index, Span<byte> bgra)
    {
        int first = Sample(line, index * Samples);
        (int red, int green, int blue) = _type is Rgb or Rgba
            ? (first, Sample(line, (index * Samples) + 1), Sample(line, (index * Samples) + 2))
            : (first, first, first);
        byte alpha = _type switch
        {
            GreyAlpha or Rgba => ToByte(Sample(line, (index * Samples) + Samples - 1)),
            Indexed => first < Transparency.Length ? Transparency[first] : byte.MaxValue,
            _ => IsTransparent(red, green, blue) ? byte.MinValue : byte.MaxValue,
        };
        if (_type == Indexed)
        {
            if (3 * first >= Palette.Length)
            {
                throw new FormatException($"The PNG file uses colour {first} of a palette of {Palette.Length / 3}.");
            }

            Write(bgra, Palette[3 * first], Palette[(3 * first) + 1], Palette[(3 * first) + 2], alpha);
            return;
        }

        Write(bgra, ToByte(red), ToByte(green), ToByte(blue), alpha);
    }

    private static void Write(Span<byte> bgra, byte red, byte green, byte blue, byte alpha)
    {
        bgra[0] = PixelAlpha.Multiply(blue, alpha);
        bgra[1] = PixelAlpha.Multiply(green, alpha);
        bgra[2] = PixelAlpha.Multiply(red, alpha);
        bgra[3] = alpha;
    }

    private bool IsTransparent(int red, int green, int blue)
        => _type == Grey ? Transparency.Length == 2 && red == BinaryPrimitives.ReadUInt16BigEndian(Transparency)
            : Transparency.Length == 6
                && red == BinaryPrimitives.ReadUInt16BigEndian(Transparency)
                && green == BinaryPrimitives.ReadUInt16BigEndian(Transparency.AsSpan(2))
                && blue == BinaryPrimitives.ReadUInt16BigEndian(Transparency.AsSpan(4));

    private int Sample(ReadOnlySpan<byte> line, int number)
    {
        if (_depth == 16)
        {
            return BinaryPrimitives.ReadUInt16BigEndian(line[(2 * number)..]);
        }

        int bit = number * _depth;
        int shift = 8 - _depth - (bit % 8);
        return (line[bit / 8] >> shift) & ((1 << _depth) - 1);
    }

    // 1, 2 and 4 bits are stretched over the whole range, of 16 the upper 8 count.
    private byte ToByte(int sample) => _depth == 16 ? (byte)(sample >> 8) : (byte)(sample * 255 / ((1 << _depth) - 1));
}
