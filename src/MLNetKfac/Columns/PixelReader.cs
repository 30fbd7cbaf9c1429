using System.Numerics;
using System.Numerics.Tensors;
using Kfac;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Columns;

/// <summary>Reads the image of the row that a cursor is at, always as [H, W, C]: the one place that knows of other layouts.</summary>
internal abstract class PixelReader
{
    public static PixelReader Create(DataViewRow row, DataViewSchema.Column column, PixelFormat format) => format.ColumnType switch
    {
        VectorDataViewType vector when vector.ItemType == NumberDataViewType.Byte => new PixelReader<byte>(row, column, format),
        VectorDataViewType => new PixelReader<float>(row, column, format),
        _ => new MLImagePixelReader(row, column, format),
    };

    /// <param name="image">[H, W, C], overwritten.</param>
    /// <returns>
    /// Index of the first value, in the column's own order, that is NaN or infinite; -1 if there is none. A missing image is
    /// all NaN.
    /// </returns>
    /// <exception cref="FormatException">The row has another number of values than its column's type says, or an image of another size than the others.</exception>
    public abstract int Read(Span<float> image);
}

/// <summary>Reads images whose values are of type <typeparamref name="T"/>.</summary>
internal sealed class PixelReader<T> : PixelReader
    where T : unmanaged, INumberBase<T>
{
    private readonly DataViewRow _row;
    private readonly string _columnName;
    private readonly ValueGetter<VBuffer<T>> _getter;
    private readonly ImageShape _shape;
    private readonly bool _planar;
    private readonly T[] _values;
    private readonly float[] _pixels;
    private VBuffer<T> _buffer;

    public PixelReader(DataViewRow row, DataViewSchema.Column column, PixelFormat format)
    {
        _row = row;
        _columnName = column.Name;
        _getter = row.GetGetter<VBuffer<T>>(column);
        _shape = format.Shape;
        _planar = format.Layout == ImageLayout.ChannelsFirst && format.Shape.Channels > 1;
        _values = new T[_shape.Size];
        _pixels = new float[_shape.Size];
    }

    public override int Read(Span<float> image)
    {
        _getter(ref _buffer);
        if (_buffer.Length != _values.Length)
        {
            throw new FormatException($"row {_row.Position} has {_buffer.Length} values in column '{_columnName}', but its type says {_values.Length}");
        }

        _buffer.CopyTo(_values);
        TensorPrimitives.ConvertTruncating<T, float>(_values, _pixels);
        Interleave(image);
        return Array.FindIndex(_pixels, pixel => !float.IsFinite(pixel));
    }

    /// <summary>image[h, w, c] = pixels[c, h, w] where the planes follow each other, else image = pixels.</summary>
    private void Interleave(Span<float> image)
    {
        if (!_planar)
        {
            _pixels.CopyTo(image);
            return;
        }

        int channels = _shape.Channels, plane = _shape.Height * _shape.Width;
        for (int channel = 0; channel < channels; channel++)
        {
            ReadOnlySpan<float> source = _pixels.AsSpan(channel * plane, plane);
            for (int i = 0; i < plane; i++)
            {
                image[i * channels + channel] = source[i];
            }
        }
    }
}
