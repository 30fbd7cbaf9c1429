using Microsoft.ML;
using MLNetKfac.Training;

namespace MLNetKfac.Columns;

/// <summary>What a row says beside its pixels.</summary>
/// <param name="Label">Its class; negative where there is none.</param>
/// <param name="Weight">Its weight.</param>
/// <param name="NotFinite">The first of its values that is NaN or infinite; negative where there is none, or where label or weight are not in order.</param>
internal readonly record struct RowHead(int Label, float Weight, int NotFinite)
{
    public bool HasLabel => Label >= 0;

    public bool HasWeight => Weight >= 0 && float.IsFinite(Weight);

    public bool IsUsable => HasLabel && HasWeight && NotFinite < 0;
}

/// <summary>The rows of a data view, once from the first to the last.</summary>
internal interface IImageRows : IDisposable
{
    /// <summary>Number of the row; 0 for the first.</summary>
    long Position { get; }

    /// <summary>Goes to the next row.</summary>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    bool MoveNext();

    /// <summary>Reads label and weight alone, as far as that is possible.</summary>
    RowHead ReadHead();

    /// <summary>Reads the row, and its <paramref name="pixels"/> if label and weight are in order.</summary>
    /// <exception cref="FormatException">It has another number of pixels than the feature column's type says.</exception>
    RowHead Read(Span<float> pixels);
}

/// <summary>The rows of a cursor. What a row holds is read only where it is asked for: a row that is passed over costs next to nothing.</summary>
internal sealed class CursorRows : IImageRows
{
    private readonly Cancellation _cancellation;
    private readonly DataViewRowCursor _cursor;
    private readonly PixelReader _pixels;
    private readonly Func<int> _label;
    private readonly ValueGetter<float>? _weight;

    /// <param name="data">The rows.</param>
    /// <param name="columns">Where their images are.</param>
    /// <param name="readsAll">Whether every row will be read: ML.NET may work them out ahead, on all processors, then.</param>
    /// <param name="cancellation">Looked at before each row.</param>
    public CursorRows(IDataView data, ImageColumns columns, bool readsAll, Cancellation cancellation)
    {
        _cancellation = cancellation;
        DataViewSchema.Column[] active = columns.Weight is { } weight ? [columns.Features, columns.Label.Column, weight] : [columns.Features, columns.Label.Column];
        _cursor = readsAll ? data.GetRowCursor(active) : Lazy(data, active);
        _pixels = PixelReader.Create(_cursor, columns.Features, columns.Format);
        _label = columns.Label.GetReader(_cursor);
        _weight = columns.Weight is { } column ? _cursor.GetGetter<float>(column) : null;
    }

    public long Position => _cursor.Position;

    public bool MoveNext()
    {
        _cancellation.Look();
        _cancellation.Token.ThrowIfCancellationRequested();
        return _cursor.MoveNext();
    }

    public RowHead ReadHead()
    {
        float weight = 1;
        int label = _label();
        _weight?.Invoke(ref weight);
        return new RowHead(label, weight, NotFinite: -1);
    }

    public RowHead Read(Span<float> pixels)
    {
        RowHead head = ReadHead();
        return head.IsUsable ? head with { NotFinite = _pixels.Read(pixels) } : head;
    }

    public void Dispose() => _cursor.Dispose();

    /// <summary>A set of one is a cursor without threads of ML.NET, which would work out every column of every row.</summary>
    private static DataViewRowCursor Lazy(IDataView data, DataViewSchema.Column[] active)
    {
        DataViewRowCursor[] cursors = data.GetRowCursorSet(active, 1);
        if (cursors is [DataViewRowCursor only])
        {
            return only;
        }

        Array.ForEach(cursors, cursor => cursor.Dispose());
        return data.GetRowCursor(active);
    }
}
