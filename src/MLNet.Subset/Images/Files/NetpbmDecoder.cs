using System.Globalization;
using System.Text;

namespace Microsoft.ML.Data;

/// <summary>Reads PGM and PPM files, as text (P2, P3) or binary (P5, P6), of 8 or 16 bits a sample.</summary>
internal static class NetpbmDecoder
{
    public static bool Recognizes(ReadOnlySpan<byte> content)
        => content.Length > 2 && content[0] == 'P' && content[1] is (byte)'2' or (byte)'3' or (byte)'5' or (byte)'6' && IsSpace(content[2]);

    public static MLImage Decode(ReadOnlySpan<byte> content)
    {
        bool isText = content[1] is (byte)'2' or (byte)'3';
        int samples = content[1] is (byte)'3' or (byte)'6' ? 3 : 1;
        ReadOnlySpan<byte> rest = content[2..];
        int width = ReadNumber(ref rest);
        int height = ReadNumber(ref rest);
        int largest = ReadNumber(ref rest);
        if (width <= 0 || height <= 0 || (long)width * height > int.MaxValue / 4 || largest is <= 0 or > ushort.MaxValue)
        {
            throw new FormatException($"The PGM or PPM file claims {width} x {height} samples up to {largest}.");
        }

        rest = isText || rest.IsEmpty ? rest : rest[1..]; // one white space ends the header
        var pixels = new byte[4 * width * height];
        Span<byte> rgb = stackalloc byte[3];
        for (int at = 0; at < pixels.Length; at += 4)
        {
            for (int i = 0; i < samples; i++)
            {
                int sample = isText ? ReadNumber(ref rest) : ReadBinary(ref rest, largest > byte.MaxValue);
                rgb[i] = (byte)(((Math.Min(sample, largest) * 255L) + (largest / 2)) / largest);
            }

            pixels[at] = rgb[samples - 1];
            pixels[at + 1] = rgb[samples / 2];
            pixels[at + 2] = rgb[0];
            pixels[at + ChannelOrder.Alpha] = byte.MaxValue;
        }

        return new MLImage(width, height, MLPixelFormat.Bgra32, pixels);
    }

    private static int ReadBinary(ref ReadOnlySpan<byte> rest, bool isWide)
    {
        int length = isWide ? 2 : 1;
        if (rest.Length < length)
        {
            throw new FormatException("The PGM or PPM file ends before its last sample.");
        }

        int sample = isWide ? (rest[0] << 8) | rest[1] : rest[0];
        rest = rest[length..];
        return sample;
    }

    private static int ReadNumber(ref ReadOnlySpan<byte> rest)
    {
        while (!rest.IsEmpty && (IsSpace(rest[0]) || rest[0] == '#'))
        {
            int lineEnd = rest[0] == '#' ? rest.IndexOf((byte)'\n') : 0;
            rest = lineEnd < 0 ? default : rest[(lineEnd + 1)..];
        }

        int length = 0;
        while (length < rest.Length && char.IsAsciiDigit((char)rest[length]))
        {
            length++;
        }

        if (!int.TryParse(Encoding.ASCII.GetString(rest[..length]), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            throw new FormatException("The PGM or PPM file lacks a number where one is due.");
        }

        rest = rest[length..];
        return number;
    }

    private static bool IsSpace(byte b) => b is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';
}
