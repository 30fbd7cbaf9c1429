using Kfac;
using Kfac.Images;
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
/// finite one of 0 or more.
/// </summary>
internal sealed class DataViewStream(IDataView data, ImageColumns columns, Cancellation cancellation) : IImageStream
{
    public ImageShape Shape => columns.Format.Shape;

    public int ClassCount => columns.Label.ClassCount;

    /// <summary>What the last pass that got to the end has left out; null before.</summary>
    public RowFilter? Omissions { get; private set; }

    /// <inheritdoc/>
    public IImageReader Open() => new Reader(this, data, columns, cancellation);

    private sealed class Reader : IImageReader
    {
        private readonly DataViewStream _stream;
        private readonly Cancellation _cancellation;
        private readonly DataViewRowCursor _cursor;
        private readonly PixelReader _pixels;
        private readonly Func<int> _label;
        private readonly ValueGetter<float>? _weight;
        private readonly RowFilter _omissions;

        public Reader(DataViewStream stream, IDataView data, ImageColumns columns, Cancellation cancellation)
        {
            _stream = stream;
            _cancellation = cancellation;
            _cursor = data.GetRowCursor(columns.Weight is { } weight ? [columns.Features, columns.Label.Column, weight] : [columns.Features, columns.Label.Column]);
            _pixels = PixelReader.Create(_cursor, columns.Features, columns.Format);
            _label = columns.Label.GetReader(_cursor);
            _weight = columns.Weight is { } column ? _cursor.GetGetter<float>(column) : null;
            _omissions = new RowFilter(columns);
        }

        /// <exception cref="FormatException">A row has another number of pixels than the feature column's type says.</exception>
        /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
        public bool Read(Span<float> pixels, out int label, out float weight)
        {
            weight = 1;
            while (_cursor.MoveNext())
            {
                _cancellation.Look();
                _cancellation.Token.ThrowIfCancellationRequested();
                label = _label();
                _weight?.Invoke(ref weight);
                if (_omissions.TryRead(_cursor.Position, label, weight, _pixels, pixels))
                {
                    return true;
                }
            }

            _stream.Omissions = _omissions;
            label = -1;
            return false;
        }

        public void Dispose() => _cursor.Dispose();
    }
}
