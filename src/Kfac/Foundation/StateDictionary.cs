using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Kfac;

/// <summary>
/// What something remembers, by name: arrays, numbers and texts. Each class names what it remembers in one method, which
/// serves to copy it out and to bring it back. What it names may depend on what it has named before.
/// </summary>
internal sealed class StateDictionary
{
    /// <summary>Bytes that are read or written at once.</summary>
    private const int ChunkBytes = 1 << 20;

    /// <summary>Types of values and their bytes; a type's number in a file is its place here.</summary>
    private static readonly (Type Type, int Bytes)[] Types = [(typeof(float), 4), (typeof(double), 8), (typeof(int), 4), (typeof(long), 8), (typeof(char), 2)];

    /// <summary>A name of other bytes would be saved with other bytes, or not at all.</summary>
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Dictionary<string, Array> _entries = [];
    private HashSet<string>? _restored;

    /// <summary>A copy of what <paramref name="exchange"/> names.</summary>
    public static StateDictionary Capture(Action<StateDictionary> exchange)
    {
        var state = new StateDictionary();
        exchange(state);
        return state;
    }

    /// <summary>Brings the copy back to what <paramref name="exchange"/> names.</summary>
    /// <returns>False, and nothing changed, where it names other things, or arrays of other lengths, or finds that they cannot be.</returns>
    public bool TryRestore(Action<StateDictionary> exchange)
    {
        StateDictionary present = Capture(exchange);
        if (Restore(exchange))
        {
            return true;
        }

        present.Restore(exchange);
        return false;
    }

    /// <summary>Copies an array out or back.</summary>
    public void CaptureOrRestore<T>(string name, Span<T> values)
        where T : unmanaged
    {
        if (_restored is null)
        {
            _entries.Add(name, values.ToArray());
            return;
        }

        T[] kept = Take<T>(name);
        if (kept.Length != values.Length)
        {
            throw new MismatchException();
        }

        kept.CopyTo(values);
    }

    /// <summary>Copies a number out or back.</summary>
    public void CaptureOrRestore<T>(string name, ref T number)
        where T : unmanaged => CaptureOrRestore(name, MemoryMarshal.CreateSpan(ref number, 1));

    /// <summary>Copies a flag out or back.</summary>
    public void CaptureOrRestore(string name, ref bool flag)
    {
        int number = flag ? 1 : 0;
        CaptureOrRestore(name, ref number);
        flag = number != 0;
        RequirePossible(number is 0 or 1);
    }

    /// <summary>Leaves something out that may have been captured and that nobody needs back.</summary>
    public void PassOver(string name)
    {
        if (_entries.ContainsKey(name))
        {
            _restored?.Add(name);
        }
    }

    /// <summary>Refuses what was brought back unless it is <paramref name="possible"/>: whoever names values says what they must have in common.</summary>
    public void RequirePossible(bool possible)
    {
        if (_restored is not null && !possible)
        {
            throw new MismatchException();
        }
    }

    /// <summary>Copies a text out or back; an empty one comes back as null.</summary>
    public void CaptureOrRestore(string name, ref string? text)
    {
        if (_restored is null)
        {
            _entries.Add(name, (text ?? "").ToCharArray());
            return;
        }

        char[] kept = Take<char>(name);
        text = kept.Length == 0 ? null : new string(kept);
    }

    /// <summary>
    /// Writes all entries: their number, and for each the length of its name (1 byte), the name in UTF-8, its type (1 byte), its
    /// number of values (4 bytes) and the values, in the byte order of this machine.
    /// </summary>
    public void Write(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(_entries.Count);
        foreach ((string name, Array values) in _entries)
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(name);
            writer.Write(checked((byte)utf8.Length));
            writer.Write(utf8);
            int type = Array.FindIndex(Types, each => each.Type == values.GetType().GetElementType());
            writer.Write((byte)type);
            writer.Write(values.Length);
            ForEachChunk(values, Types[type].Bytes, chunk => writer.Write(chunk));
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="stream">At the number of entries; seekable, so that no array is longer than what is left.</param>
    /// <exception cref="FormatException">There is something else, or less.</exception>
    public static StateDictionary Read(Stream stream)
    {
        var state = new StateDictionary();
        using var reader = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
        try
        {
            int count = reader.ReadInt32();
            if (count < 0)
            {
                throw new FormatException($"the optimizer's state claims {count} entries");
            }

            for (; count > 0; count--)
            {
                string name = Utf8.GetString(reader.ReadBytes(reader.ReadByte()));
                byte type = reader.ReadByte();
                int length = reader.ReadInt32();
                long remaining = stream.Length - stream.Position;
                if (type >= Types.Length || length < 0 || (long)length * Types[type].Bytes > remaining)
                {
                    throw new FormatException($"entry {state._entries.Count + 1} of the optimizer's state claims {length} values of type {type}, but {remaining} bytes are left");
                }

                Array values = Array.CreateInstance(Types[type].Type, length);
                ForEachChunk(values, Types[type].Bytes, stream.ReadExactly);
                if ((values is float[] floats && !Array.TrueForAll(floats, float.IsFinite)) || (values is double[] doubles && !Array.TrueForAll(doubles, double.IsFinite)))
                {
                    throw new FormatException($"entry {state._entries.Count + 1} of the optimizer's state holds a NaN or an infinity");
                }

                if (!state._entries.TryAdd(name, values))
                {
                    throw new FormatException($"the optimizer's state has two entries of the name of entry {state._entries.Count + 1}");
                }
            }
        }
        catch (EndOfStreamException e)
        {
            throw new FormatException("the optimizer's state ends early", e);
        }
        catch (DecoderFallbackException e)
        {
            throw new FormatException($"the name of entry {state._entries.Count + 1} of the optimizer's state is not UTF-8", e);
        }

        return state;
    }

    private bool Restore(Action<StateDictionary> exchange)
    {
        _restored = [];
        try
        {
            exchange(this);
            return _restored.Count == _entries.Count;
        }
        catch (MismatchException)
        {
            return false;
        }
        finally
        {
            _restored = null;
        }
    }

    private T[] Take<T>(string name)
    {
        _restored!.Add(name);
        return _entries.GetValueOrDefault(name) as T[] ?? throw new MismatchException();
    }

    private static void ForEachChunk(Array values, int valueBytes, SpanAction action)
    {
        long bytes = (long)values.Length * valueBytes;
        for (long at = 0; at < bytes; at += ChunkBytes)
        {
            action(MemoryMarshal.CreateSpan(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(values), (nint)at), (int)Math.Min(ChunkBytes, bytes - at)));
        }
    }

    private delegate void SpanAction(Span<byte> bytes);

    /// <summary>What is to be restored is not what was captured, or cannot have been.</summary>
    private sealed class MismatchException : Exception;
}
