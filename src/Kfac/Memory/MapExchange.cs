using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Kfac.Parallel;

namespace Kfac.Memory;

/// <summary>
/// Copies the ranks' maps to each other, of each only the channels that a rank wants, without the halos. They travel packed, in pieces
/// that are still in the core's cache when they are sent or unpacked.
/// </summary>
internal static class MapExchange
{
    /// <summary>Floats of a piece, unless a row of a map has more.</summary>
    private const int FloatsOfPiece = 64 * 1024;

    /// <summary>Copies to every rank what the others have.</summary>
    /// <param name="maps">One map for each example of the batch.</param>
    /// <param name="batch">Which rank has which of them.</param>
    /// <param name="examples">So many examples, the first ones, are wanted.</param>
    public static void Gather(ActivationBuffer maps, BatchPartition batch, int examples)
    {
        Span<Range> wanted = stackalloc Range[batch.Communicator.Size];
        wanted.Fill(Range.All);
        Gather(maps, batch, examples, wanted);
    }

    /// <summary>Copies to every rank some channels of what the others have.</summary>
    /// <param name="maps">One map for each example of the batch.</param>
    /// <param name="batch">Which rank has which of them.</param>
    /// <param name="examples">So many examples, the first ones, are wanted.</param>
    /// <param name="wanted">[ranks]: the channels that each wants.</param>
    public static void Gather(ActivationBuffer maps, BatchPartition batch, int examples, ReadOnlySpan<Range> wanted)
    {
        Communicator ranks = batch.Communicator;
        Debug.Assert(ranks.Size == 1 || maps.Retains(examples));
        for (int step = 1; step < ranks.Size; step++)
        {
            int to = (ranks.Rank + step) % ranks.Size, from = (ranks.Rank - step + ranks.Size) % ranks.Size;
            Exchange(ranks, new Rows(maps, batch.OwnOf(ranks.Rank), examples, wanted[to]), to, new Rows(maps, batch.OwnOf(from), examples, wanted[ranks.Rank]), from);
        }
    }

    private static void Exchange(Communicator ranks, Rows outgoing, int to, Rows incoming, int from)
    {
        float[] packed = ArrayPool<float>.Shared.Rent(outgoing.LongestPiece), arrived = ArrayPool<float>.Shared.Rent(incoming.LongestPiece);
        for (int piece = 0; piece < Math.Max(outgoing.Pieces, incoming.Pieces); piece++)
        {
            Span<float> sent = packed.AsSpan(0, outgoing.LengthOf(piece)), received = arrived.AsSpan(0, incoming.LengthOf(piece));
            outgoing.Pack(piece, sent);
            ranks.Exchange(MemoryMarshal.AsBytes(sent), to, MemoryMarshal.AsBytes(received), from);
            incoming.Unpack(piece, received);
        }

        // Not where a transfer failed: MPI may still be at it.
        ArrayPool<float>.Shared.Return(packed);
        ArrayPool<float>.Shared.Return(arrived);
    }

    /// <summary>Some channels of the rows of some maps, cut into pieces.</summary>
    private readonly struct Rows
    {
        private readonly ActivationBuffer _maps;
        private readonly int _first, _count, _channel, _channels, _rowsOfPiece;

        /// <param name="maps">The maps.</param>
        /// <param name="range">Whose.</param>
        /// <param name="examples">Only those of the first so many examples.</param>
        /// <param name="channels">Which channels.</param>
        public Rows(ActivationBuffer maps, ExampleRange range, int examples, Range channels)
        {
            _maps = maps;
            (_channel, _channels) = channels.GetOffsetAndLength(maps.Shape.Channels);
            _first = range.First * maps.Shape.Height;
            _count = _channels == 0 ? 0 : Math.Max(Math.Min(range.End, examples) - range.First, 0) * maps.Shape.Height;
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
