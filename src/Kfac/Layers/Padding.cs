namespace Kfac.Layers;

/// <summary>How a window meets the border of an image (the names are TensorFlow's SAME and VALID).</summary>
public enum Padding
{
    /// <summary>
    /// Zeros around the image so that the output has ceil(size / stride) rows and columns; floor(total / 2) of them
    /// before, the extra one at the bottom and right.
    /// </summary>
    Same,

    /// <summary>No zeros: only windows that lie inside the image.</summary>
    Valid,
}
