using Kfac.Layers;

namespace Kfac.Tests.Oracles;

/// <summary>
/// A network by its definition, in double precision and one example at a time: the class scores and the cross-entropy.
/// Gradients come from central differences, so that no derivative is written twice.
/// </summary>
internal sealed class NaiveNetwork(Network network)
{
    private const double Step = 1e-5;

    /// <summary>The network's parameters, in order, to be changed at will.</summary>
    public List<double[]> Parameters { get; } = [.. network.Parameters.Select(parameter => Array.ConvertAll(parameter.Values.ToArray(), v => (double)v))];

    /// <summary>Cross-entropy of one example.</summary>
    public double Loss(double[] image, int label)
    {
        double[] scores = Scores(image);
        double largest = scores.Max();
        return largest + Math.Log(scores.Sum(score => Math.Exp(score - largest))) - scores[label];
    }

    /// <summary>d loss / d parameter, all parameters, by central differences.</summary>
    public List<double[]> Gradient(double[] image, int label) => [.. Parameters.Select(values => Differences(values, () => Loss(image, label)))];

    /// <summary>d loss / d image by central differences.</summary>
    public double[] ImageGradient(double[] image, int label) => Differences(image, () => Loss(image, label));

    public double[] Scores(double[] image)
    {
        double[] values = image;
        int next = 0;
        foreach (Layer layer in network.Layers)
        {
            values = layer switch
            {
                Conv2D conv => NaiveConvolution.Forward(conv.Geometry, values, Parameters[next++], conv.Bias is null ? null : Parameters[next++]),
                Dense dense => DenseForward(dense, values, Parameters[next++], dense.Bias is null ? null : Parameters[next++]),
                MaxPool2D pool => MaxPool(pool, values),
                Relu => Array.ConvertAll(values, v => Math.Max(v, 0)),
                Flatten => values,
                _ => throw new NotSupportedException(layer.GetType().Name),
            };
        }

        return values;
    }

    private static double[] DenseForward(Dense dense, double[] x, double[] weights, double[]? bias)
    {
        int units = dense.Spec.Units;
        double[] y = bias is null ? new double[units] : [.. bias];
        for (int f = 0; f < x.Length; f++)
        {
            for (int k = 0; k < units; k++)
            {
                y[k] += x[f] * weights[f * units + k];
            }
        }

        return y;
    }

    private static double[] MaxPool(MaxPool2D pool, double[] x)
    {
        (ImageShape from, ImageShape to) = (pool.InputShape, pool.OutputShape);
        var y = new double[to.Size];
        Array.Fill(y, double.NegativeInfinity);
        for (int i = 0; i < to.Height * to.Width * to.Channels; i++)
        {
            (int row, int column, int c) = (i / to.Channels / to.Width, i / to.Channels % to.Width, i % to.Channels);
            for (int r = row * pool.Spec.StrideY; r < row * pool.Spec.StrideY + pool.Spec.Height; r++)
            {
                for (int s = column * pool.Spec.StrideX; s < column * pool.Spec.StrideX + pool.Spec.Width; s++)
                {
                    y[i] = Math.Max(y[i], x[(r * from.Width + s) * from.Channels + c]);
                }
            }
        }

        return y;
    }

    private static double[] Differences(double[] values, Func<double> function)
    {
        var gradient = new double[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            double value = values[i];
            values[i] = value + Step;
            double above = function();
            values[i] = value - Step;
            gradient[i] = (above - function()) / (2 * Step);
            values[i] = value;
        }

        return gradient;
    }
}
