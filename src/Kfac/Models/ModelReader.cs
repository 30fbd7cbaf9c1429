using System.Buffers.Binary;
using System.Text;

namespace Kfac.Models;

/// <summary>Takes length-prefixed chunks out of a model file's body, each no longer than what is left.</summary>
internal sealed class ModelReader(byte[] body)
{
    private int _position;

    public long Remaining => body.Length - _position;

    /// <exception cref="FormatException">The text is longer than <paramref name="maxBytes"/>.</exception>
    public string ReadText(string what, int maxBytes = int.MaxValue)
    {
        int length = ReadLength(what, unit: 1);
        if (length > maxBytes)
        {
            throw new FormatException($"the model's {what} has {length} bytes, but at most {maxBytes} are possible");
        }

        string text = Encoding.UTF8.GetString(body, _position, length);
        _position += length;
        return text;
    }

    /// <summary>What is left.</summary>
    public MemoryStream Rest() => new(body, _position, body.Length - _position, writable: false);

    public float[] ReadFloats(int count, string what)
    {
        var values = new float[count <= Remaining ? count : throw new FormatException($"the model's {what} has {count} values, but only {Remaining} bytes are left")];
        ReadFloats(values, what);
        return values;
    }

    /// <exception cref="FormatException">There are not exactly as many values, or one is not finite.</exception>
    public void ReadFloats(Span<float> values, string what)
    {
        int count = ReadLength(what, sizeof(float));
        if (count != values.Length)
        {
            throw new FormatException($"the model's {what} has {count} values, but its network needs {values.Length}");
        }

        for (int i = 0; i < count; i++, _position += sizeof(float))
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(body.AsSpan(_position));
            if (!float.IsFinite(values[i]))
            {
                throw new FormatException($"value {i} of the model's {what} is {values[i]}");
            }
        }
    }

    private int ReadLength(string what, int unit)
    {
        if (Remaining < sizeof(int))
        {
            throw new FormatException($"the model's body ends before its {what}");
        }

        int length = BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(_position));
        _position += sizeof(int);
        return length >= 0 && (long)length * unit <= Remaining
            ? length
            : throw new FormatException($"the model's {what} claims {length} values, but only {Remaining} bytes are left");
    }
}
