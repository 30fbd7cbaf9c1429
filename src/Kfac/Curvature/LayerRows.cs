using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Curvature;

/// <summary>
/// A layer's inputs and output gradients as matrices, one row for each output location: patches [T, P] and gradients
/// [T, K]. An example's gradient is patchesᵀ · gradients, [P, K].
/// </summary>
internal abstract unsafe class LayerRows(ActivationBuffer outputGradients, int locations, int patchLength)
{
    /// <summary>T: output locations of an example.</summary>
    public int Locations => locations;

    /// <summary>Rows of the map of an example's locations.</summary>
    public int MapRows => outputGradients.Shape.Height;

    /// <summary>P: values of a patch, the bias's 1 included.</summary>
    public int PatchLength => patchLength;

    /// <summary>K: values of an output location.</summary>
    public int Outputs => outputGradients.Shape.Channels;

    /// <summary>Most examples there are.</summary>
    public int Capacity => outputGradients.Capacity;

    /// <summary>What gets the patches' covariance without copies of them, or null where it takes copies.</summary>
    public virtual BatchCovariance? Covariance(Workers workers) => null;

    /// <summary>Writes the patches of a row of an example's map to their places in <paramref name="rows"/> [T, P].</summary>
    public abstract void CopyPatches(int example, int mapRow, float* rows);

    /// <summary>Writes the gradients, of the loss summed over the batch, of a row of an example's map to their places in <paramref name="rows"/> [T, K].</summary>
    public void CopyGradients(int example, int mapRow, float* rows)
    {
        int width = outputGradients.Shape.Width * outputGradients.Shape.Channels;
        outputGradients.Row(example, mapRow).CopyTo(new Span<float>(rows + (nint)mapRow * width, width));
    }
}

/// <summary>Patches in the order (r, s, c), c fastest; zeros beyond the border.</summary>
internal sealed unsafe class ConvolutionRows(ConvolutionGeometry g, ActivationBuffer inputs, ActivationBuffer outputGradients, bool hasBias)
    : LayerRows(outputGradients, g.Locations, g.PatchLength + (hasBias ? 1 : 0))
{
    public override BatchCovariance? Covariance(Workers workers) =>
        PatchCovariance.Suits(g) ? new BatchCovariance(new PatchCovariance(g, hasBias), inputs, workers) : null;

    public override void CopyPatches(int example, int mapRow, float* rows)
    {
        ImagePlane image = inputs[example];
        float* corner = image.Origin + (mapRow * g.StrideY - g.PadTop) * image.RowStride - g.PadLeft * g.C;
        (int run, int runs) = g.DilationX == 1 ? (g.S * g.C, 1) : (g.C, g.S);
        rows += (nint)mapRow * g.OutW * PatchLength;
        for (int j = 0; j < g.OutW; j++, corner += g.StrideX * g.C, rows += PatchLength)
        {
            for (int r = 0; r < g.R; r++)
            {
                for (int s = 0; s < runs; s++)
                {
                    new ReadOnlySpan<float>(corner + r * g.DilationY * image.RowStride + s * g.DilationX * g.C, run).CopyTo(new Span<float>(rows + (r * runs + s) * run, run));
                }
            }

            if (hasBias)
            {
                rows[PatchLength - 1] = 1;
            }
        }
    }
}

/// <summary>An example is one location, and its patch all of its features.</summary>
internal sealed unsafe class DenseRows(ActivationBuffer inputs, ActivationBuffer outputGradients, bool hasBias)
    : LayerRows(outputGradients, locations: 1, inputs.Shape.Size + (hasBias ? 1 : 0))
{
    public override void CopyPatches(int example, int mapRow, float* rows)
    {
        inputs.Row(example, 0).CopyTo(new Span<float>(rows, PatchLength));
        if (hasBias)
        {
            rows[PatchLength - 1] = 1;
        }
    }
}
