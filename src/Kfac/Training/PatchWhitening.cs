using Kfac.Images;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Running;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;
using MathNet.Numerics.LinearAlgebra.Factorization;

namespace Kfac.Training;

/// <summary>
/// Filters of a first layer whose outputs are uncorrelated over the training images' patches, of variance 1 (Page 2019, "How to
/// train your ResNet"): for each of the largest eigenvalues λ of the patches' second moments, with eigenvector v, one filter
/// v / √(λ + ε) and one with the other sign. Where λ is 0 the two stay as they were drawn: they would give rounding alone.
/// </summary>
internal static class PatchWhitening
{
    /// <summary>More tell nothing new about a hundred directions.</summary>
    private const int MaxImages = 2_000, MaxPatchesOfImage = 1_000;

    /// <summary>ε as a share of the mean eigenvalue: keeps noise small.</summary>
    private const double Floor = 5e-4;

    /// <summary>Eigenvalues of at most this share of the mean are rounding: their directions do not occur in the images.</summary>
    private const double Rounding = 1e-10;

    /// <summary>Whether the network's description says so.</summary>
    public static bool IsAskedFor(Network network) => network.Spec.Layers[0] is Conv2DSpec { Initialization: FilterInitialization.Whitening };

    /// <summary>Sets the first layer's filter, where its description says that it whitens.</summary>
    /// <param name="network">Its other parameters stay.</param>
    /// <param name="images">The training images in any order; the first ones of the first epoch are looked at.</param>
    /// <param name="scaling">What is done to their pixels.</param>
    public static void Apply(Network network, ImageSequence images, InputScaling scaling)
    {
        if (network.Spec.Layers[0] is Conv2DSpec { Initialization: FilterInitialization.Whitening } layer)
        {
            Write(Measure(layer, images, scaling), network.Store.Parameters[0]);
            network.Store.MarkChanged();
        }
    }

    /// <summary>Mean of p pᵀ over patches p = [R, S, C], flat.</summary>
    private static DenseMatrix Measure(Conv2DSpec layer, ImageSequence images, InputScaling scaling)
    {
        ImageShape shape = scaling.Shape;
        int rowLength = layer.KernelWidth * shape.Channels, size = layer.KernelHeight * rowLength;
        int down = shape.Height - layer.KernelHeight + 1, across = shape.Width - layer.KernelWidth + 1;
        int step = Math.Max(1, (int)Math.Sqrt((double)down * across / MaxPatchesOfImage));
        var moments = new double[size * size];
        float[] pixels = new float[shape.Size], scaled = new float[shape.Size], patch = new float[size];
        long patches = 0;
        images.Begin(epoch: 0);
        for (int n = 0; n < Math.Min(images.Count, MaxImages); n++)
        {
            images.Next(pixels, isWanted: true, out _, out _);
            scaling.Apply(pixels, scaled);
            for (int i = 0; i < down; i += step)
            {
                for (int j = 0; j < across; j += step, patches++)
                {
                    for (int r = 0; r < layer.KernelHeight; r++)
                    {
                        scaled.AsSpan(((i + r) * shape.Width + j) * shape.Channels, rowLength).CopyTo(patch.AsSpan(r * rowLength));
                    }

                    AddOuter(patch, moments);
                }
            }
        }

        return DenseMatrix.Create(size, size, (a, b) => moments[Math.Max(a, b) * size + Math.Min(a, b)] / patches);
    }

    /// <summary>moments += p pᵀ, the lower triangle.</summary>
    private static void AddOuter(float[] patch, double[] moments)
    {
        for (int a = 0; a < patch.Length; a++)
        {
            double value = patch[a];
            for (int b = 0; b <= a; b++)
            {
                moments[a * patch.Length + b] += value * patch[b];
            }
        }
    }

    private static void Write(DenseMatrix moments, Parameter filter)
    {
        double floor = Floor * moments.Trace() / moments.RowCount;
        if (floor == 0)
        {
            // Blank images have no directions: the filter stays as it was drawn.
            return;
        }

        Evd<double> decomposition = moments.Evd(Symmetricity.Symmetric);
        int filters = filter.Shape[3], kept = filters / 2;
        Span<float> values = filter.MutableValues;
        for (int k = 0; k < kept; k++)
        {
            int column = moments.RowCount - 1 - k;
            if (decomposition.EigenValues[column].Real <= Rounding * moments.Trace() / moments.RowCount)
            {
                break;
            }

            double factor = 1 / Math.Sqrt(Math.Max(decomposition.EigenValues[column].Real, 0) + floor);
            for (int i = 0; i < moments.RowCount; i++)
            {
                var value = (float)(factor * decomposition.EigenVectors[i, column]);
                (values[i * filters + k], values[i * filters + kept + k]) = (value, -value);
            }
        }
    }
}
