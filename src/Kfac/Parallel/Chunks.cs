using System.Numerics.Tensors;

namespace Kfac.Parallel;

/// <summary>What is done to the elements <paramref name="start"/> … <paramref name="start"/>+<paramref name="length"/>-1 of some arrays.</summary>
internal delegate void ChunkAction(int start, int length);

/// <summary>
/// Goes through long arrays in chunks that stay in the first-level cache, so that several operations on a chunk cost one
/// trip to memory, and shares the chunks among workers. Sums are added up chunk by chunk in their order: the same bits for
/// any number of workers.
/// </summary>
internal sealed unsafe class Chunks
{
    private const int ChunkLength = 2048;

    /// <summary>So few chunks are done before another thread could have begun.</summary>
    private const int FewChunks = 16;

    private readonly Workers _workers;
    private readonly WorkerAction _runChunk;
    private readonly ChunkAction _dotChunk;
    private readonly ChunkAction _sumChunk;
    private readonly ChunkAction _scaleChunk;
    private readonly double[] _partialSums;
    private ChunkAction _action = null!;
    private int _length;
    private float* _left;
    private float* _right;
    private float _factor;

    /// <param name="workers">Who does the work.</param>
    /// <param name="capacity">Length of the longest array.</param>
    public Chunks(Workers workers, int capacity)
    {
        _workers = workers;
        _runChunk = RunChunk;
        _dotChunk = DotChunk;
        _sumChunk = SumChunk;
        _scaleChunk = ScaleChunk;
        _partialSums = new double[CountFor(capacity)];
    }

    /// <summary>Runs <paramref name="action"/> on all chunks of arrays of <paramref name="length"/> elements.</summary>
    public void Run(int length, ChunkAction action)
    {
        _length = length;
        _action = action;
        int chunks = CountFor(length);
        if (chunks > FewChunks)
        {
            _workers.Run(chunks, _runChunk, isAtomic: true);
            return;
        }

        for (int chunk = 0; chunk < chunks; chunk++)
        {
            RunChunk(chunk, worker: 0);
        }
    }

    /// <summary>sum of left[i] · right[i].</summary>
    public double Dot(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        fixed (float* l = left, r = right)
        {
            _left = l;
            _right = r;
            Run(left.Length, _dotChunk);
        }

        return AddPartialSums(left.Length);
    }

    /// <summary>sum of values[i].</summary>
    public double Sum(ReadOnlySpan<float> values)
    {
        fixed (float* v = values)
        {
            _left = v;
            Run(values.Length, _sumChunk);
        }

        return AddPartialSums(values.Length);
    }

    /// <summary>Whether every value is finite (and so small that its square is).</summary>
    public bool IsFinite(ReadOnlySpan<float> values) => double.IsFinite(Dot(values, values));

    /// <summary>values *= factor.</summary>
    public void Scale(Span<float> values, float factor)
    {
        fixed (float* v = values)
        {
            _left = v;
            _factor = factor;
            Run(values.Length, _scaleChunk);
        }
    }

    private static int CountFor(int length) => (length + ChunkLength - 1) / ChunkLength;

    private void RunChunk(int chunk, int worker)
    {
        int start = chunk * ChunkLength;
        _action(start, Math.Min(ChunkLength, _length - start));
    }

    private void DotChunk(int start, int length) =>
        _partialSums[start / ChunkLength] = TensorPrimitives.Dot(new ReadOnlySpan<float>(_left + start, length), new ReadOnlySpan<float>(_right + start, length));

    private void SumChunk(int start, int length) =>
        _partialSums[start / ChunkLength] = TensorPrimitives.Sum(new ReadOnlySpan<float>(_left + start, length));

    private double AddPartialSums(int length)
    {
        double sum = 0;
        foreach (double partial in _partialSums.AsSpan(0, CountFor(length)))
        {
            sum += partial;
        }

        return sum;
    }

    private void ScaleChunk(int start, int length)
    {
        var values = new Span<float>(_left + start, length);
        TensorPrimitives.Multiply(values, _factor, values);
    }
}
