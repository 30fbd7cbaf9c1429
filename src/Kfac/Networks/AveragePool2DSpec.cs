namespace Kfac.Networks;

/// <summary>The mean of each window, channel by channel; only windows that lie inside the image.</summary>
/// <param name="Height">Window rows.</param>
/// <param name="Width">Window columns.</param>
/// <param name="StrideY">Rows between neighbouring windows.</param>
/// <param name="StrideX">Columns between neighbouring windows.</param>
public sealed record AveragePool2DSpec(int Height, int Width, int StrideY, int StrideX) : LayerSpec
{
    internal override bool TakesImages => true;

    internal override ImageShape InferOutput(ImageShape input)
    {
        Window window = Window.Infer(input, Height, Width, StrideY, StrideX, Padding.Valid);
        return new ImageShape(window.OutputHeight, window.OutputWidth, input.Channels);
    }
}
