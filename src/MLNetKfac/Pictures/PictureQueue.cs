namespace MLNetKfac.Pictures;

/// <summary>
/// Decodes pictures in their order, some ahead on other threads: one at first, then twice as many each time, up to two for
/// each processor; a quarter as many behind a few pictures that nobody wanted, and one behind many. For one thread at a time.
/// </summary>
/// <param name="count">How many pictures there are.</param>
/// <param name="path">Where each of them is.</param>
/// <param name="frame">What they become.</param>
internal sealed class PictureQueue(int count, Func<int, string> path, Frame frame) : IDisposable
{
    private static readonly int MaxAhead = 2 * Environment.ProcessorCount;

    private readonly Queue<Task<byte[]>> _ahead = [];

    /// <summary>The picture that is first in the queue.</summary>
    private int _first;
    private int _depth = 1;

    /// <summary>Pictures before this one are no longer wanted.</summary>
    private volatile int _wanted;

    /// <summary>Takes a picture, and the queue goes on from it.</summary>
    /// <param name="number">Its number, greater than that of the one before.</param>
    /// <returns>Its pixels; a <see cref="FormatException"/> that names file and reason where it is cut off or cannot be decoded.</returns>
    public Task<byte[]> Take(int number)
    {
        _wanted = number;
        if (number > _first)
        {
            _depth = number - _first < _depth ? Math.Max(1, _depth / 4) : 1;
        }

        for (; _first < number; _first++)
        {
            _ahead.TryDequeue(out _);
        }

        for (int next = number + _ahead.Count; next < count && _ahead.Count < _depth; next++)
        {
            int one = next;
            _ahead.Enqueue(Task.Run(() => one < _wanted ? [] : PictureDecoder.Read(path(one), frame)));
        }

        _depth = Math.Min(2 * _depth, MaxAhead);
        _first = number + 1;
        return _ahead.Dequeue();
    }

    public void Dispose() => _wanted = count;
}
