using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kfac.Models;

namespace Kfac.Training;

/// <summary>A training at one moment.</summary>
/// <param name="Settings">Options and data that it depends on, by name; see <see cref="TrainingSettings"/>.</param>
/// <param name="History">The reports of its epochs.</param>
/// <param name="State">Everything else.</param>
/// <remarks>
/// In a file: an 8-byte mark, a version (4 bytes), settings and history as JSON, the state, and the SHA-256 of all that.
/// docs/checkpoints.md has it in full.
/// </remarks>
internal sealed record Checkpoint(IReadOnlyDictionary<string, string> Settings, IReadOnlyList<EpochReport> History, StateDictionary State)
{
    private const int Version = 1;

    private static ReadOnlySpan<byte> Mark => "KFACCKP\n"u8;

    public void Write(Stream stream)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using (var hashed = new HashedStream(stream, hash))
        {
            using var writer = new BinaryWriter(hashed, Encoding.UTF8, leaveOpen: true);
            writer.Write(Mark);
            writer.Write(Version);
            writer.Write(JsonSerializer.Serialize(Settings));
            writer.Write(TrainingHistory.ToJson(History));
            writer.Flush();
            State.Write(hashed);
        }

        stream.Write(hash.GetHashAndReset());
    }

    /// <param name="stream">The whole file, seekable.</param>
    /// <exception cref="FormatException">It is damaged, or another version's.</exception>
    public static Checkpoint Read(Stream stream)
    {
        RequireChecksum(stream);
        try
        {
            using var reader = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
            if (!reader.ReadBytes(Mark.Length).AsSpan().SequenceEqual(Mark))
            {
                throw new FormatException("not a checkpoint: it does not begin with the format's mark");
            }

            int version = reader.ReadInt32();
            if (version != Version)
            {
                throw new FormatException($"the checkpoint has format version {version}, but this library reads version {Version}");
            }

            Dictionary<string, string> settings = JsonSerializer.Deserialize<Dictionary<string, string>>(reader.ReadString()) ?? [];
            EpochReport[] history = TrainingHistory.FromJson(reader.ReadString());
            StateDictionary state = StateDictionary.Read(stream);
            long left = stream.Length - SHA256.HashSizeInBytes - stream.Position;
            return left == 0 ? new Checkpoint(settings, history, state) : throw new FormatException($"{left} bytes follow the checkpoint's end");
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            throw new FormatException($"the checkpoint is damaged: {e.Message}", e);
        }
    }

    private static void RequireChecksum(Stream stream)
    {
        long length = stream.Length - SHA256.HashSizeInBytes;
        if (length < Mark.Length)
        {
            throw new FormatException($"the checkpoint ends early: only {stream.Length} bytes are there");
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = new byte[Math.Min(length, 1 << 20)];
        for (long left = length; left > 0; left -= chunk.Length)
        {
            Span<byte> part = chunk.AsSpan(0, (int)Math.Min(left, chunk.Length));
            stream.ReadExactly(part);
            hash.AppendData(part);
        }

        Span<byte> expected = stackalloc byte[SHA256.HashSizeInBytes];
        stream.ReadExactly(expected);
        if (!expected.SequenceEqual(hash.GetHashAndReset()))
        {
            throw new FormatException("the checkpoint is damaged: its checksum does not match its content");
        }

        stream.Position = 0;
    }

    /// <summary>Passes on what is written, and takes it into a hash.</summary>
    private sealed class HashedStream(Stream stream, IncrementalHash hash) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            hash.AppendData(buffer);
            stream.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => stream.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
