using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Kfac.Parallel;

namespace Kfac.Memory;

/// <summary>
/// Copies the ranks' maps to each other, of each only the channels that a rank wants, without the halos. They travel packed, in pieces
/// that are still in the core's cache when they are sent or unpacked.
/// </summary>
/// <param name="maps">One map for each example of the batch.</param>
/// <param name="batch">Which rank has which of them.</param>
/// <param name="examples">So many examples, the first ones, are wanted.</param>
internal readonly struct MapExchange(ActivationBuffer maps, BatchPartition batch, int examples)
{
    /// <summary>Floats of a piece, unless a row of a map has more.</summary>
    private const int FloatsOfPiece = 64 * 1024;

    /// <summary>Copies to every rank what it wants of the others' maps.</summary>
    /// <param name="wanted">[ranks]: the channels that each wants.</param>
    public void Run(ReadOnlySpan<Range> wanted)
    {
        Communicator ranks = batch.Communicator;
        Debug.Assert(ranks.Size == 1 || maps.Retains(examples));
        for (int step = 1; step < ranks.Size; step++)
        {
            int to = (ranks.Rank + step) % ranks.Size, from = (ranks.Rank - step + ranks.Size) % ranks.Size;
            Exchange(new Rows(maps, OwnedBy(ranks.Rank), wanted[to]), to, new Rows(maps, OwnedBy(from), wanted[ranks.Rank]), from);
        }
    }

    private ExampleRange OwnedBy(int rank)
    {
        ExampleRange own = batch.OwnOf(rank);
        return new ExampleRange(Math.Min(own.First, examples), Math.Min(own.End, examples));
    }

    private void Exchange(Rows outgoing, int to, Rows incoming, int from)
    {
        float[] packed = ArrayPool<float>.Shared.Rent(outgoing.LongestPiece), arrived = ArrayPool<float>.Shared.Rent(incoming.LongestPiece);
        for (int piece = 0; piece < Math.Max(outgoing.Pieces, incoming.Pieces); piece++)
        {
            Span<float> sent = packed.AsSpan(0, outgoing.LengthOf(piece)), received = arrived.AsSpan(0, incoming.LengthOf(piece));
            outgoing.Pack(piece, sent);
            batch.Communicator.Exchange(MemoryMarshal.AsBytes(sent), to, MemoryMarshal.AsBytes(received), from);
            incoming.Unpack(piece, received);
        }

        ArrayPool<float>.Shared.Return(packed);
        ArrayPool<float>.Shared.Return(arrived);
    }

    /// <summary>Some channels of the rows of some examples' maps, cut into pieces.</summary>
    private readonly struct Rows
    {
        private readonly ActivationBuffer _maps;
        private readonly int _first, _count, _channel, _channels, _rowsOfPiece;

        public Rows(ActivationBuffer maps, ExampleRange examples, Range channels)
        {
            _maps = maps;
            (_channel, _channels) = channels.GetOffsetAndLength(maps.Shape.Channels);
            (_first, _count) = (examples.First * maps.Shape.Height, _channels == 0 ? 0 : examples.Count * maps.Shape.Height);
            _rowsOfPiece = Math.Max(FloatsOfPiece / Math.Max(Length, 1), 1);
        }

        public int Pieces => (_count + _rowsOfPiece - 1) / _rowsOfPiece;

        public int LongestPiece => Math.Min(_rowsOfPiece, _count) * Length;

        private int Length => _maps.Shape.Width * _channels;

        public int LengthOf(int piece) => Math.Clamp(_count - piece * _rowsOfPiece, 0, _rowsOfPiece) * Length;

        public void Pack(int piece, Span<float> packed) => Copy(piece, packed, unpacks: false);

        public void Unpack(int piece, Span<float> packed) => Copy(piece, packed, unpacks: true);

        private void Copy(int piece, Span<float> packed, bool unpacks)
        {
            int all = _maps.Shape.Channels, run = _channels == all ? Length : _channels;
            for (int row = _first + piece * _rowsOfPiece; !packed.IsEmpty; row++)
            {
                Span<float> pixels = _maps.Row(row / _maps.Shape.Height, row % _maps.Shape.Height);
                for (int at = _channel; at < pixels.Length; at += run == Length ? pixels.Length : all)
                {
                    Span<float> ofMap = pixels.Slice(at, run), ofPiece = packed[..run];
                    if (unpacks)
                    {
                        ofPiece.CopyTo(ofMap);
                    }
                    else
                    {
                        ofMap.CopyTo(ofPiece);
                    }

                    packed = packed[run..];
                }
            }
        }
    }
}
