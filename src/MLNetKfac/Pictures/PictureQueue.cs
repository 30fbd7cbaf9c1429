namespace MLNetKfac.Pictures;

/// <summary>
/// Decodes pictures in their order, some ahead on other threads: one at first, then twice as many each time, up to two for
/// each processor. For one thread at a time.
/// </summary>
internal sealed class PictureQueue(IEnumerable<string> paths, Frame frame) : IDisposable
{
    private static readonly int MaxAhead = 2 * Environment.ProcessorCount;

    private readonly IEnumerator<string> _paths = paths.GetEnumerator();
    private readonly Queue<Task<byte[]>> _ahead = [];
    private int _depth = 1;
    private volatile bool _disposed;

    /// <summary>The next picture.</summary>
    /// <exception cref="FormatException">It is cut off or cannot be decoded; the message names file and reason.</exception>
    public byte[] Take()
    {
        while (_ahead.Count < _depth && _paths.MoveNext())
        {
            string path = _paths.Current;
            _ahead.Enqueue(Task.Run(() => _disposed ? [] : PictureDecoder.Read(path, frame)));
        }

        _depth = Math.Min(2 * _depth, MaxAhead);
        return _ahead.Dequeue().GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        _disposed = true;
        _paths.Dispose();
    }
}
