using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Kfac.Parallel;

namespace MLNetKfac.Columns;

/// <summary>
/// Rows that the ranks read together. In each round a rank reads some rows one behind the other, passes over those of the other
/// ranks, and sends them what it has read. All ranks see all rows, with the same bits as if they had read them.
/// </summary>
internal sealed class SharedRows : IImageRows
{
    /// <summary>Most values in a round of all ranks; but a rank reads at least so many rows in a round, and at most so many.</summary>
    private const int MaxValues = 1 << 24, MinRows = 8, MaxRows = 128;

    private readonly IImageRows _rows;
    private readonly Communicator _ranks;
    private readonly int _imageSize;

    /// <summary>Rows that a rank reads in a round.</summary>
    private readonly int _share;

    /// <summary>[<see cref="_share"/>, H·W·C]: what this rank has read.</summary>
    private readonly float[] _own;

    /// <summary>As many bytes.</summary>
    private readonly byte[] _ownBytes;

    /// <summary>[ranks · <see cref="_share"/>]: the round's rows.</summary>
    private readonly RowHead[] _heads;

    /// <summary>Their pixels, one rank's behind the other's.</summary>
    private readonly byte[] _pixels;

    /// <summary>[ranks + 1]: the first byte of each rank's pixels.</summary>
    private readonly int[] _starts;

    /// <summary>[ranks]: how the round went for each.</summary>
    private Outcome[] _outcomes = [];
    private int _count;
    private int _row = -1;
    private bool _isAtEnd;

    /// <param name="rows">The same rows on every rank.</param>
    /// <param name="imageSize">H·W·C.</param>
    /// <param name="ranks">Who reads them; at the same time, nothing else may use it.</param>
    public SharedRows(IImageRows rows, int imageSize, Communicator ranks)
    {
        (_rows, _ranks, _imageSize) = (rows, ranks, imageSize);
        _share = Math.Clamp(MaxValues / ranks.Size / imageSize, MinRows, MaxRows);
        _own = new float[checked(_share * imageSize)];
        _ownBytes = new byte[_own.Length];
        _heads = new RowHead[ranks.Size * _share];
        _pixels = new byte[checked(_heads.Length * imageSize * sizeof(float))];
        _starts = new int[ranks.Size + 1];
    }

    public long Position { get; private set; } = -1;

    /// <exception cref="CommunicatorException">Another rank cannot read its rows, or has more or fewer of them.</exception>
    public bool MoveNext()
    {
        if (++_row == _count && !_isAtEnd)
        {
            ReadRound();
            _row = 0;
        }

        Position++;
        return _row < _count;
    }

    public RowHead ReadHead() => _heads[_row];

    public RowHead Read(Span<float> pixels)
    {
        (int rank, int row) = Math.DivRem(_row, _share);
        int bytes = _outcomes[rank].BytesPerValue * _imageSize;
        ReadOnlySpan<byte> values = _pixels.AsSpan(_starts[rank] + row * bytes, bytes);
        if (_outcomes[rank].BytesPerValue == 1)
        {
            TensorPrimitives.ConvertTruncating(values, pixels);
        }
        else
        {
            values.CopyTo(MemoryMarshal.AsBytes(pixels));
        }

        return _heads[_row];
    }

    public void Dispose() => _rows.Dispose();

    private void ReadRound()
    {
        _outcomes = _ranks.AllGather(ReadOwn());
        if (_outcomes.Any(outcome => outcome.IsCancelled))
        {
            throw new OperationCanceledException("a rank's training was cancelled");
        }

        _count = _outcomes[0].Rows;
        if (Array.FindIndex(_outcomes, outcome => outcome.Rows != _count) is > 0 and int other)
        {
            throw new CommunicatorException($"rank 0 has {Rows(0)} rows and rank {other} {Rows(other)}: all ranks need the same rows in the same order");
        }

        _isAtEnd = _count < _heads.Length;
        int[] firstRows = [.. Enumerable.Range(0, _ranks.Size + 1).Select(rank => Math.Min(rank * _share, _count))];
        for (int rank = 0; rank < _ranks.Size; rank++)
        {
            _starts[rank + 1] = _starts[rank] + (firstRows[rank + 1] - firstRows[rank]) * _imageSize * _outcomes[rank].BytesPerValue;
        }

        Span<byte> sent = _pixels.AsSpan(_starts[_ranks.Rank].._starts[_ranks.Rank + 1]);
        (_outcomes[_ranks.Rank].BytesPerValue == 1 ? _ownBytes : MemoryMarshal.AsBytes<float>(_own))[..sent.Length].CopyTo(sent);
        _ranks.AllGather<RowHead>(_heads, firstRows);
        _ranks.AllGather<byte>(_pixels, _starts);

        string Rows(int rank) => (_outcomes[rank].Rows == _heads.Length ? "more than " : "") + (Position + 1 + _outcomes[rank].Rows);
    }

    /// <summary>Reads this rank's rows of a round, and passes over the others.</summary>
    private Outcome ReadOwn()
    {
        int first = _ranks.Rank * _share, row = 0;
        try
        {
            for (; row < _heads.Length && _rows.MoveNext(); row++)
            {
                if (row / _share == _ranks.Rank)
                {
                    Span<float> pixels = _own.AsSpan((row - first) * _imageSize, _imageSize);
                    _heads[row] = _rows.Read(pixels);
                    if (!_heads[row].IsUsable)
                    {
                        pixels.Clear();
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            return new Outcome { IsCancelled = true };
        }
        catch (Exception failure)
        {
            _ranks.Fail(failure.Message);
            throw;
        }

        Span<float> values = _own.AsSpan(0, Math.Clamp(row - first, 0, _share) * _imageSize);
        return new Outcome { Rows = row, BytesPerValue = TryConvert(values, _ownBytes) ? 1 : sizeof(float) };
    }

    private static bool TryConvert(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        for (int i = 0; i < values.Length; i++)
        {
            bytes[i] = (byte)Math.Clamp(values[i], 0f, 255f);
            if (bytes[i] != values[i])
            {
                return false;
            }
        }

        return true;
    }

    private struct Outcome
    {
        /// <summary>Rows of the round, on all ranks.</summary>
        public int Rows;

        /// <summary>Of the pixels that this rank sends.</summary>
        public int BytesPerValue;
        public bool IsCancelled;
    }
}
