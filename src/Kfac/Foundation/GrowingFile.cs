namespace Kfac;

/// <summary>
/// A new file's stream that says in an <see cref="IOException"/> that the file may not grow further (a limit of the file
/// system or of the process), where <see cref="FileStream"/> throws an <see cref="ArgumentOutOfRangeException"/>.
/// </summary>
internal sealed class GrowingFile(string path, FileShare share) : Stream
{
    private readonly FileStream _file = new(path, FileMode.CreateNew, FileAccess.Write, share);

    public override bool CanRead => false;

    public override bool CanSeek => true;

    public override bool CanWrite => true;

    public override long Length => _file.Length;

    public override long Position
    {
        get => _file.Position;
        set => Grow(() => _file.Position = value);
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            _file.Write(buffer);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw TooLarge(e);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => Grow(_file.Flush);

    /// <summary>Waits until everything is on the disk.</summary>
    public void FlushToDisk() => Grow(() => _file.Flush(flushToDisk: true));

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("the file is written only");

    public override long Seek(long offset, SeekOrigin origin)
    {
        Flush();
        return _file.Seek(offset, origin);
    }

    public override void SetLength(long value) => Grow(() => _file.SetLength(value));

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Grow(_file.Dispose);
        }

        base.Dispose(disposing);
    }

    private static void Grow(Action write)
    {
        try
        {
            write();
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw TooLarge(e);
        }
    }

    private static IOException TooLarge(ArgumentOutOfRangeException e) => new($"the file may not grow further: {e.Message}", e);
}
