namespace Kfac.Layers;

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

    internal override Layer Build(string name, ImageShape input) => new AveragePool2D(name, this, input);
}

/// <summary>The mean of each channel over all rows and columns: [H, W, C] becomes a vector of C, which a dense layer can take.</summary>
public sealed record GlobalAveragePoolSpec : LayerSpec
{
    internal override bool TakesImages => true;

    internal override ImageShape InferOutput(ImageShape input) => ImageShape.Flat(input.Channels);

    internal override Layer Build(string name, ImageShape input) =>
        new AveragePool2D(name, new AveragePool2DSpec(input.Height, input.Width, input.Height, input.Width), input);
}

/// <summary>The largest value of each window, channel by channel.</summary>
/// <param name="Height">Window rows.</param>
/// <param name="Width">Window columns.</param>
/// <param name="StrideY">Rows between neighbouring windows.</param>
/// <param name="StrideX">Columns between neighbouring windows.</param>
public sealed record MaxPool2DSpec(int Height, int Width, int StrideY, int StrideX) : LayerSpec
{
    internal override bool TakesImages => true;

    internal override ImageShape InferOutput(ImageShape input)
    {
        Window window = Window.Infer(input, Height, Width, StrideY, StrideX, Padding.Valid);
        return new ImageShape(window.OutputHeight, window.OutputWidth, input.Channels);
    }

    internal override Layer Build(string name, ImageShape input) => new MaxPool2D(name, this, input);
}
