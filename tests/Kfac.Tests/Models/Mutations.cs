using System.Buffers.Binary;
using System.Text;

namespace Kfac.Tests.Models;

/// <summary>Seeded damage to files, from a flipped bit to numbers and structure that a parser trips over.</summary>
internal static class Mutations
{
    private static readonly int[] Numbers = [0, 1, 2, -1, 255, 256, 1023, 1024, 1025, 65536, 1 << 24, 1 << 28, int.MaxValue - 1, int.MaxValue, int.MinValue];

    private static readonly string[] Tokens =
        ["null", "[]", "{}", "-1", "0", "1", "1e9", "1e999", "0.5", "2147483647", "2147483648", "268435456", "\"\"", "true", "\"conv2d\"", "\"layer\":", "[[[[[[[[[[", "}", "]", ",", "{\"layer\":\"relu\"},"];

    /// <summary>One to four changes to bytes that are anything.</summary>
    public static byte[] OfBytes(byte[] bytes, Random random)
    {
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            bytes = Change(bytes, random);
        }

        return bytes;
    }

    /// <summary>One to four changes to text, mostly of its numbers and tokens.</summary>
    public static byte[] OfText(byte[] utf8, Random random)
    {
        string text = Encoding.UTF8.GetString(utf8);
        for (int changes = random.Next(1, 5); changes > 0 && text.Length > 1; changes--)
        {
            int at = random.Next(text.Length), end = at;
            while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] is '.' or '-'))
            {
                end++;
            }

            string token = Tokens[random.Next(Tokens.Length)];
            text = random.Next(5) switch
            {
                0 => text[..at] + token + text[at..],
                1 => text[..at] + text[Math.Min(text.Length, at + random.Next(1, 20))..],
                2 => text[..at] + text[random.Next(text.Length)..],
                3 => string.Concat(text[..at], text[at..Math.Min(text.Length, at + random.Next(1, 200))], text[at..]),
                _ => text[..at] + (end > at ? token : "7") + text[end..],
            };
        }

        return Encoding.UTF8.GetBytes(text);
    }

    private static byte[] Change(byte[] bytes, Random random)
    {
        if (bytes.Length == 0)
        {
            return [(byte)random.Next(256)];
        }

        int at = random.Next(bytes.Length), length = random.Next(1, Math.Min(64, bytes.Length - at) + 1);
        byte[] changed = [.. bytes];
        switch (random.Next(6))
        {
            case 0:
                changed[at] ^= (byte)(1 << random.Next(8));
                return changed;
            case 1:
                changed[at] = (byte)random.Next(256);
                return changed;
            case 2 when bytes.Length >= sizeof(int):
                BinaryPrimitives.WriteInt32LittleEndian(changed.AsSpan(Math.Min(at, bytes.Length - sizeof(int))), Numbers[random.Next(Numbers.Length)]);
                return changed;
            case 3:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 4:
                return [.. bytes[..at], .. bytes[at..(at + length)], .. bytes[at..]];
            default:
                return bytes[..at];
        }
    }
}
