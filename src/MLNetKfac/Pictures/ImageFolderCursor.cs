using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Columns;
using MLNetKfac.Scoring;

namespace MLNetKfac.Pictures;

/// <summary>Goes over the pictures of a folder.</summary>
internal sealed class ImageFolderCursor : DataViewRowCursor
{
    private readonly ImageFolderDataView _folder;
    private readonly bool[] _active;
    private readonly int[]? _order;
    private readonly PictureQueue? _pictures;
    private int _position = -1;

    /// <summary>The picture that was asked for last, and its row.</summary>
    private (int Position, Task<byte[]> Pixels) _taken = (-1, Task.FromResult<byte[]>([]));

    /// <param name="folder">The rows.</param>
    /// <param name="active">Which columns are read.</param>
    /// <param name="order">Numbers of the rows in their order; null for the folder's.</param>
    public ImageFolderCursor(ImageFolderDataView folder, bool[] active, int[]? order)
    {
        _folder = folder;
        _active = active;
        _order = order;
        if (active.Length > ImageFolderDataView.ImageIndex && active[ImageFolderDataView.ImageIndex])
        {
            _pictures = new PictureQueue(folder.Count, position => folder.Files[Row(position)].Path, folder.Frame);
        }
    }

    public override DataViewSchema Schema => _folder.Schema;

    public override long Position => _position < _folder.Count ? _position : -1;

    public override long Batch => 0;

    public override bool MoveNext()
    {
        if (_position >= _folder.Count || ++_position >= _folder.Count)
        {
            return false;
        }

        if (_pictures is not null)
        {
            _folder.ReportRead(_position + 1);
        }

        return true;
    }

    public override bool IsColumnActive(DataViewSchema.Column column) => _active[_folder.Schema.RequireOwn(column)];

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new DataViewRowId((ulong)Row(Current), 0);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!IsColumnActive(column))
        {
            throw new InvalidOperationException($"column '{column.Name}' is not active in this cursor: name it when asking for the cursor");
        }

        Delegate getter = column.Index switch
        {
            ImageFolderDataView.PathIndex => (ValueGetter<ReadOnlyMemory<char>>)((ref ReadOnlyMemory<char> path) => path = File.Path.AsMemory()),
            ImageFolderDataView.LabelIndex => (ValueGetter<ReadOnlyMemory<char>>)((ref ReadOnlyMemory<char> label) => label = _folder.ClassNames[File.Class].AsMemory()),
            _ => (ValueGetter<MLImage>)((ref MLImage image) =>
            {
                // As ML.NET's loader has it: the image of the row before is the getter's to dispose of.
                byte[] pixels = Decode(Current);
                image?.Dispose();
                image = _folder.Frame.ToImage(pixels);
            }),
        };
        return getter.Typed<TValue>(column);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _pictures?.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Current => _position >= 0 && _position < _folder.Count
        ? _position
        : throw new InvalidOperationException("the cursor is not at a row: before the first MoveNext or after the last");

    private PictureFile File => _folder.Files[Row(Current)];

    /// <summary>A picture that nobody asks for is not decoded.</summary>
    private byte[] Decode(int position)
    {
        if (_taken.Position != position)
        {
            _taken = (position, _pictures!.Take(position));
        }

        return _taken.Pixels.GetAwaiter().GetResult();
    }

    private int Row(int position) => _order?[position] ?? position;
}
