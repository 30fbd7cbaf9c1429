using SkiaSharp;

namespace MLNetKfac.Pictures;

/// <summary>
/// How the pixels of a file have to be turned to be upright: the EXIF tag Orientation, 1 to 8. Its name says where the file's
/// first row and first column belong: 6, RightTop, has its first row at the right and its first column at the top.
/// </summary>
internal readonly record struct Orientation(SKEncodedOrigin Origin)
{
    /// <summary>Whether rows become columns.</summary>
    public bool IsTransposed => Origin >= SKEncodedOrigin.LeftTop;

    /// <summary>The upright size of a picture that is stored as <paramref name="stored"/>; the other way about as well.</summary>
    public PictureSize Turn(PictureSize stored) => IsTransposed ? stored.Turned : stored;

    /// <summary>Where the pixel at a row and column of the upright picture is stored.</summary>
    public (int Row, int Column) Source(int row, int column, PictureSize stored)
    {
        int bottom = stored.Height - 1, right = stored.Width - 1;
        return Origin switch
        {
            SKEncodedOrigin.TopRight => (row, right - column),
            SKEncodedOrigin.BottomRight => (bottom - row, right - column),
            SKEncodedOrigin.BottomLeft => (bottom - row, column),
            SKEncodedOrigin.LeftTop => (column, row),
            SKEncodedOrigin.RightTop => (bottom - column, row),
            SKEncodedOrigin.RightBottom => (bottom - column, right - row),
            SKEncodedOrigin.LeftBottom => (column, right - row),
            _ => (row, column),
        };
    }
}
