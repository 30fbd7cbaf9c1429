using Microsoft.ML;

namespace MLNetKfac.Tool.Data;

/// <summary>Labelled images: rows with the columns <c>Image</c> and <c>Label</c>, text.</summary>
/// <param name="Rows">The rows.</param>
/// <param name="Count">Number of rows.</param>
/// <param name="Height">Rows of each image.</param>
/// <param name="Width">Columns of each image.</param>
/// <param name="Channels">1 where all are known to be grey, else 3.</param>
/// <param name="ClassNames">The classes, in their order.</param>
/// <param name="Folder">Where they are from.</param>
internal sealed record PictureSet(IDataView Rows, int Count, int Height, int Width, int Channels, IReadOnlyList<string> ClassNames, string Folder);
