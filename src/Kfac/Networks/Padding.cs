namespace Kfac.Networks;

/// <summary>How a window meets the border of an image (<see cref="Same"/> and <see cref="Valid"/> are TensorFlow's names).</summary>
public enum Padding
{
    /// <summary>
    /// Zeros around the image so that the output has ceil(size / stride) rows and columns; floor(total / 2) of them
    /// before, the extra one at the bottom and right.
    /// </summary>
    Same,

    /// <summary>No zeros: only windows that lie inside the image.</summary>
    Valid,

    /// <summary>
    /// floor(dilation · (kernel - 1) / 2) zeros on every side, whatever the stride: what other frameworks write as
    /// padding = kernel / 2. It differs from <see cref="Same"/> at strides above 1, where that one may pad the bottom and right only.
    /// </summary>
    Symmetric,
}
