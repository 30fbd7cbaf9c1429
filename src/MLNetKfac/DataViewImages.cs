using Kfac.Training;
using Microsoft.ML;

namespace MLNetKfac;

/// <summary>The usable rows of a data view as images, and what was wrong with the others.</summary>
/// <param name="Images">Images with a label and finite pixels.</param>
/// <param name="Rows">Number of rows, unusable ones included.</param>
/// <param name="WithoutLabel">Rows whose label is missing.</param>
/// <param name="NotFinite">Rows with a pixel that is NaN or infinite.</param>
/// <param name="FirstNotFinite">Where the first such pixel is.</param>
internal sealed record DataViewImages(MemoryImageSource Images, long Rows, long WithoutLabel, long NotFinite, string? FirstNotFinite)
{
    /// <summary>Reads all rows, in one pass and in their order.</summary>
    /// <exception cref="FormatException">A row has another number of pixels than the feature column's type says.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    public static DataViewImages Read(IDataView data, DataViewSchema.Column features, PixelFormat format, LabelColumn label, CancellationToken cancellation)
    {
        var images = new MemoryImageSource(format.Shape, label.ClassCount);
        var pixels = new float[format.Shape.Size];
        long rows = 0, withoutLabel = 0, notFinite = 0;
        string? firstNotFinite = null;
        using DataViewRowCursor cursor = data.GetRowCursor([features, label.Column]);
        PixelReader pixelReader = PixelReader.Create(cursor, features, format);
        Func<int> readLabel = label.GetReader(cursor);
        for (; cursor.MoveNext(); rows++)
        {
            cancellation.ThrowIfCancellationRequested();
            int classIndex = readLabel();
            if (classIndex < 0)
            {
                withoutLabel++;
            }
            else if (pixelReader.Read(pixels) is >= 0 and int value)
            {
                notFinite++;
                firstNotFinite ??= $"row {cursor.Position}, value {value} of column '{features.Name}'";
            }
            else
            {
                images.Add(pixels, classIndex);
            }
        }

        return new DataViewImages(images, rows, withoutLabel, notFinite, firstNotFinite);
    }

    /// <summary>A sentence for each kind of row that was left out.</summary>
    public IEnumerable<string> Omissions()
    {
        if (WithoutLabel > 0)
        {
            yield return $"{WithoutLabel} of {Rows} rows have no label and are left out";
        }

        if (NotFinite > 0)
        {
            yield return $"{NotFinite} of {Rows} rows have a pixel that is NaN or infinite and are left out; the first is {FirstNotFinite}";
        }
    }
}
