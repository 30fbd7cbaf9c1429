namespace Kfac;

/// <summary>
/// Shape [H, W, C] of one example: <paramref name="Height"/> rows, <paramref name="Width"/> columns and
/// <paramref name="Channels"/> channels, channels fastest in memory. A flat vector of F features is 1 × 1 × F.
/// </summary>
public readonly record struct ImageShape(int Height, int Width, int Channels)
{
    /// <summary>Number of values in one example, H·W·C.</summary>
    public int Size => checked(Height * Width * Channels);

    /// <summary>Whether the example is a plain vector (one row, one column).</summary>
    public bool IsFlat => Height == 1 && Width == 1;

    /// <summary>The shape of a vector of <paramref name="features"/> values.</summary>
    public static ImageShape Flat(int features) => new(1, 1, features);

    /// <inheritdoc/>
    public override string ToString() => IsFlat ? $"{Channels}" : $"{Height}x{Width}x{Channels}";
}
