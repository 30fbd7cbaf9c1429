using System.Numerics.Tensors;

namespace Kfac.Parallel;

/// <summary>What is done to the elements <paramref name="start"/> … <paramref name="start"/>+<paramref name="length"/>-1 of some arrays.</summary>
internal delegate void PieceAction(int start, int length);

/// <summary>
/// Goes through long arrays in pieces that stay in the first-level cache, so that several operations on a piece cost one
/// trip to memory, and shares the pieces among workers. Sums are added up piece by piece in their order: the same bits for
/// any number of workers.
/// </summary>
internal sealed unsafe class Pieces
{
    private const int PieceLength = 2048;

    /// <summary>So few pieces are done before another thread could have begun.</summary>
    private const int FewPieces = 16;

    private readonly Workers _workers;
    private readonly WorkerAction _runPiece;
    private readonly PieceAction _dotPiece;
    private readonly PieceAction _sumPiece;
    private readonly PieceAction _scalePiece;
    private readonly double[] _partialSums;
    private PieceAction _action = null!;
    private int _length;
    private float* _left;
    private float* _right;
    private float _factor;

    /// <param name="workers">Who does the work.</param>
    /// <param name="capacity">Length of the longest array.</param>
    public Pieces(Workers workers, int capacity)
    {
        _workers = workers;
        _runPiece = RunPiece;
        _dotPiece = DotPiece;
        _sumPiece = SumPiece;
        _scalePiece = ScalePiece;
        _partialSums = new double[CountFor(capacity)];
    }

    /// <summary>Runs <paramref name="action"/> on all pieces of arrays of <paramref name="length"/> elements.</summary>
    public void Run(int length, PieceAction action)
    {
        _length = length;
        _action = action;
        int pieces = CountFor(length);
        if (pieces > FewPieces)
        {
            _workers.Run(pieces, _runPiece);
            return;
        }

        for (int piece = 0; piece < pieces; piece++)
        {
            RunPiece(piece, worker: 0);
        }
    }

    /// <summary>sum of left[i] · right[i].</summary>
    public double Dot(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        fixed (float* l = left, r = right)
        {
            _left = l;
            _right = r;
            Run(left.Length, _dotPiece);
        }

        return AddPartialSums(left.Length);
    }

    /// <summary>sum of values[i].</summary>
    public double Sum(ReadOnlySpan<float> values)
    {
        fixed (float* v = values)
        {
            _left = v;
            Run(values.Length, _sumPiece);
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
            Run(values.Length, _scalePiece);
        }
    }

    private static int CountFor(int length) => (length + PieceLength - 1) / PieceLength;

    private void RunPiece(int piece, int worker)
    {
        int start = piece * PieceLength;
        _action(start, Math.Min(PieceLength, _length - start));
    }

    private void DotPiece(int start, int length) =>
        _partialSums[start / PieceLength] = TensorPrimitives.Dot(new ReadOnlySpan<float>(_left + start, length), new ReadOnlySpan<float>(_right + start, length));

    private void SumPiece(int start, int length) =>
        _partialSums[start / PieceLength] = TensorPrimitives.Sum(new ReadOnlySpan<float>(_left + start, length));

    private double AddPartialSums(int length)
    {
        double sum = 0;
        foreach (double partial in _partialSums.AsSpan(0, CountFor(length)))
        {
            sum += partial;
        }

        return sum;
    }

    private void ScalePiece(int start, int length)
    {
        var values = new Span<float>(_left + start, length);
        TensorPrimitives.Multiply(values, _factor, values);
    }
}
