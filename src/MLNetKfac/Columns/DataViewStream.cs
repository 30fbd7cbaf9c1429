using Kfac;
using Kfac.Images;
using Kfac.Parallel;
using Microsoft.ML;
using MLNetKfac.Training;

namespace MLNetKfac.Columns;

/// <summary>Where the images of a data view are.</summary>
/// <param name="Features">Column of the pixels.</param>
/// <param name="Format">How images lie in it.</param>
/// <param name="Label">Column of the classes.</param>
/// <param name="Weight">Column of the weights, of <see cref="float"/>; null for none.</param>
internal sealed record ImageColumns(DataViewSchema.Column Features, PixelFormat Format, LabelColumn Label, DataViewSchema.Column? Weight);

/// <summary>
/// The usable rows of a data view as images, in their order: those with a label, finite pixels and, where there are weights, a
/// finite one of 0 or more. The ranks make the first pass together, each reading a share of the rows; in later passes, which a rank
/// makes while it trains, it reads the pixels that are wanted.
/// </summary>
internal sealed class DataViewStream(IDataView data, ImageColumns columns, Communicator ranks, Cancellation cancellation) : IImageStream
{
    private readonly HashSet<long> _notFinite = [];
    private bool _isFirst = true;

    public ImageShape Shape => columns.Format.Shape;

    public int ClassCount => columns.Label.ClassCount;

    /// <summary>What the first pass has left out; null before its end.</summary>
    public RowFilter? Omissions { get; private set; }

    /// <inheritdoc/>
    public IImageReader Open()
    {
        var rows = new CursorRows(data, columns, readsAll: ranks.Size == 1, cancellation);
        (bool isFirst, _isFirst) = (_isFirst, false);
        return new Reader(this, isFirst && ranks.Size > 1 ? new SharedRows(rows, Shape.Size, ranks) : rows, new RowFilter(columns), isFirst);
    }

    private sealed class Reader(DataViewStream stream, IImageRows rows, RowFilter omissions, bool isFirst) : IImageReader
    {
        /// <exception cref="FormatException">A row has another number of pixels than the feature column's type says.</exception>
        /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
        public bool Read(Span<float> pixels, bool isWanted, out int label, out float weight)
        {
            while (rows.MoveNext())
            {
                RowHead head = isWanted ? rows.Read(pixels) : rows.ReadHead();
                if (isFirst && head.NotFinite >= 0)
                {
                    stream._notFinite.Add(rows.Position);
                }
                else if (!isWanted && stream._notFinite.Contains(rows.Position))
                {
                    head = head with { NotFinite = 0 };
                }

                if (omissions.Accepts(rows.Position, head))
                {
                    (label, weight) = (head.Label, head.Weight);
                    return true;
                }
            }

            stream.Omissions ??= omissions;
            (label, weight) = (-1, 1);
            return false;
        }

        public void Dispose() => rows.Dispose();
    }
}
