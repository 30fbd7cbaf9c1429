using Kfac.Kernels;

namespace Kfac.Tests.Oracles;

/// <summary>
/// A convolution of one image by its definition: loops in double precision over plain arrays, x [H, W, C],
/// filter [R, S, C / Groups, K], y [OutH, OutW, K], row-major. Nothing is shared with the code under test but the record of the shape.
/// </summary>
internal static class NaiveConvolution
{
    /// <summary>y = corr(x, filter) + bias</summary>
    public static double[] Forward(ConvolutionGeometry g, double[] x, double[] filter, double[]? bias = null)
    {
        double[] y = new double[g.OutH * g.OutW * g.K];
        ForEachProduct(g, (input, tap, output, _) => y[output] += x[input] * filter[tap]);
        for (int i = 0; bias is not null && i < y.Length; i++)
            y[i] += bias[i % g.K];
        return y;
    }

    /// <summary>dx = d sum(y * dy) / dx</summary>
    public static double[] BackwardData(ConvolutionGeometry g, double[] dy, double[] filter)
    {
        double[] dx = new double[g.H * g.W * g.C];
        ForEachProduct(g, (input, tap, output, _) => dx[input] += dy[output] * filter[tap]);
        return dx;
    }

    /// <summary>d sum(y * dy) / d filter</summary>
    public static double[] FilterGradient(ConvolutionGeometry g, double[] x, double[] dy)
    {
        double[] gradient = new double[g.R * g.S * (g.C / g.Groups) * g.K];
        ForEachProduct(g, (input, tap, output, _) => gradient[tap] += x[input] * dy[output]);
        return gradient;
    }

    /// <summary>d sum(y * dy) / d bias</summary>
    public static double[] BiasGradient(ConvolutionGeometry g, double[] dy)
    {
        double[] gradient = new double[g.K];
        for (int i = 0; i < dy.Length; i++)
            gradient[i % g.K] += dy[i];
        return gradient;
    }

    /// <summary>Visits every product of the definition: the index of x, of the filter, of y, and k.</summary>
    private static void ForEachProduct(ConvolutionGeometry g, Action<int, int, int, int> visit)
    {
        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
                for (int r = 0; r < g.R; r++)
                    for (int s = 0; s < g.S; s++)
                    {
                        int row = i * g.StrideY + r * g.DilationY - g.PadTop, column = j * g.StrideX + s * g.DilationX - g.PadLeft;
                        if (row < 0 || row >= g.H || column < 0 || column >= g.W)
                            continue;
                        int inputs = g.C / g.Groups, outputs = g.K / g.Groups;
                        for (int c = 0; c < g.C; c++)
                            for (int k = c / inputs * outputs; k < (c / inputs + 1) * outputs; k++)
                                visit((row * g.W + column) * g.C + c, ((r * g.S + s) * inputs + c % inputs) * g.K + k, (i * g.OutW + j) * g.K + k, k);
                    }
    }
}
