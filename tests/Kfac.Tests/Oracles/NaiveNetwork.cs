using Kfac.Layers;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Running;

namespace Kfac.Tests.Oracles;

/// <summary>
/// A network by its definition, in double precision: the class scores and the cross-entropy. Gradients come from central
/// differences, so that no derivative is written twice. An example's own gradient is that with respect to its own copy of
/// the parameters: where examples meet in a batch normalisation it is that of the whole batch's loss.
/// </summary>
internal sealed class NaiveNetwork(NetworkSpec spec, IEnumerable<Parameter> parameters)
{
    private const double Step = 1e-5;

    /// <summary>Running means and variances, in order.</summary>
    private readonly List<double[]> _statistics = Values(parameters.Where(parameter => parameter.Kind == ParameterKind.Statistic));

    public NaiveNetwork(Network network)
        : this(network.Spec, network.Store.Parameters)
    {
    }

    /// <summary>The network's trainable parameters, in order, to be changed at will.</summary>
    public List<double[]> Parameters { get; } = Values(parameters.Where(parameter => parameter.Kind != ParameterKind.Statistic));

    /// <summary>Cross-entropy of one example.</summary>
    public double Loss(double[] image, int label) => CrossEntropy(Scores(image), label);

    /// <summary>d loss / d parameter, all parameters, by central differences.</summary>
    public List<double[]> Gradient(double[] image, int label) => [.. Parameters.Select(values => Differences(values, () => Loss(image, label), Stride))];

    /// <summary>d (loss of the batch) / d (the copy of the parameters that <paramref name="example"/> sees), by central differences.</summary>
    public List<double[]> Gradient(double[][] images, int[] labels, int example)
    {
        double[][] own = [.. Parameters.Select(values => (double[])values.Clone())];
        return [.. own.Select(values => Differences(values, () => Scores(images, (n, p) => n == example ? own[p] : Parameters[p]).Select((scores, n) => CrossEntropy(scores, labels[n])).Sum(), Stride))];
    }

    /// <summary>Of a parameter's entries, every how many have their gradient measured: the others' are left at NaN.</summary>
    public int Stride { get; init; } = 1;

    /// <summary>d loss / d image by central differences.</summary>
    public double[] ImageGradient(double[] image, int label) => Differences(image, () => Loss(image, label), stride: 1);

    /// <summary>The class scores of one example by itself.</summary>
    public double[] Scores(double[] image) => Scores([image])[0];

    /// <summary>The scores of a batch, as in training.</summary>
    public double[][] Scores(double[][] images) => Scores(images, (_, p) => Parameters[p]);

    /// <summary>The scores of one example in prediction: with running statistics, nothing dropped.</summary>
    public double[] Predict(double[] image) => Run(spec.Layers, [image], spec.Input, new Pass((_, p) => Parameters[p], IsTraining: false)).Values[0];

    /// <summary>Mean cross-entropy of a batch, as in training.</summary>
    public double Loss(double[][] images, int[] labels) => Scores(images).Zip(labels, CrossEntropy).Average();

    private double[][] Scores(double[][] images, Func<int, int, double[]> parameter) => Run(spec.Layers, images, spec.Input, new Pass(parameter, IsTraining: true)).Values;

    private (double[][] Values, ImageShape Shape) Run(IReadOnlyList<LayerSpec> layers, double[][] values, ImageShape shape, Pass pass)
    {
        Func<int, int, double[]> parameter = pass.Parameter;
        foreach (LayerSpec spec in layers)
        {
            ImageShape from = shape;
            int first = pass.Next;
            shape = spec.InferOutput(from);
            switch (spec)
            {
                case ResidualSpec residual:
                    double[][] body = Run(residual.Body, values, from, pass).Values;
                    double[][] shortcut = Run(residual.Shortcut, values, from, pass).Values;
                    values = [.. body.Zip(shortcut, (a, b) => a.Zip(b, (x, y) => x + y).ToArray())];
                    break;
                case Conv2DSpec conv:
                    pass.Next += conv.UseBias ? 2 : 1;
                    values = Map(values, (x, n) => NaiveConvolution.Forward(Conv2D.GeometryOf(conv, from), x, parameter(n, first), conv.UseBias ? parameter(n, first + 1) : null));
                    break;
                case DenseSpec dense:
                    pass.Next += dense.UseBias ? 2 : 1;
                    values = Map(values, (x, n) => DenseForward(dense, x, parameter(n, first), dense.UseBias ? parameter(n, first + 1) : null));
                    break;
                case MaxPool2DSpec pool:
                    values = Map(values, (x, _) => Pool(from, spec.InferOutput(from), pool.Height, pool.Width, pool.StrideY, pool.StrideX, x, window => window.Max()));
                    break;
                case BatchNormSpec norm:
                    pass.Next += 2;
                    (double[] mean, double[] variance) = pass.IsTraining ? Moments(values, from.Channels) : (_statistics[pass.NextStatistic++], _statistics[pass.NextStatistic++]);
                    values = BatchNorm(values, from.Channels, norm.Epsilon, mean, variance, n => parameter(n, first), n => parameter(n, first + 1));
                    break;
                case GroupNormSpec norm:
                    pass.Next += 2;
                    values = Map(values, (x, n) => GroupNorm(x, from.Channels, norm, parameter(n, first), parameter(n, first + 1)));
                    break;
                case ReluSpec:
                    values = Map(values, (x, _) => Array.ConvertAll(x, v => Math.Max(v, 0)));
                    break;
                case AveragePool2DSpec pool:
                    values = Map(values, (x, _) => Pool(from, spec.InferOutput(from), pool.Height, pool.Width, pool.StrideY, pool.StrideX, x, window => window.Average()));
                    break;
                case GlobalAveragePoolSpec:
                    values = Map(values, (x, _) => [.. Enumerable.Range(0, from.Channels).Select(c => x.Where((_, i) => i % from.Channels == c).Average())]);
                    break;
                case LeakyReluSpec leaky:
                    values = Map(values, (x, _) => Array.ConvertAll(x, v => v > 0 ? v : leaky.Slope * v));
                    break;
                case GeluSpec:
                    values = Map(values, (x, _) => Array.ConvertAll(x, v => v / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)))));
                    break;
                case FlattenSpec:
                case DropoutSpec when !pass.IsTraining:
                    break;
                default:
                    throw new NotSupportedException(spec.GetType().Name);
            }
        }

        return (values, shape);
    }

    private static double[][] Map(double[][] values, Func<double[], int, double[]> layer) => [.. values.Select(layer)];

    private static double[] DenseForward(DenseSpec dense, double[] x, double[] weights, double[]? bias)
    {
        int units = dense.Units;
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

    /// <summary>Mean and variance of each channel over the whole batch.</summary>
    private static (double[] Mean, double[] Variance) Moments(double[][] x, int channels)
    {
        double[] mean = [.. Enumerable.Range(0, channels).Select(c => x.SelectMany(values => values.Where((_, i) => i % channels == c)).Average())];
        return (mean, [.. Enumerable.Range(0, channels).Select(c => x.SelectMany(values => values.Where((_, i) => i % channels == c)).Average(v => (v - mean[c]) * (v - mean[c])))]);
    }

    private static double[][] BatchNorm(double[][] x, int channels, double epsilon, double[] mean, double[] variance, Func<int, double[]> scale, Func<int, double[]> shift) =>
        Map(x, (values, n) => [.. values.Select((v, i) => (v - mean[i % channels]) / Math.Sqrt(variance[i % channels] + epsilon) * scale(n)[i % channels] + shift(n)[i % channels])]);

    private static double[] GroupNorm(double[] x, int channels, GroupNormSpec norm, double[] scale, double[] shift)
    {
        var y = new double[x.Length];
        foreach (IGrouping<int, int> group in Enumerable.Range(0, x.Length).GroupBy(i => i % channels / (channels / norm.Groups)))
        {
            double mean = group.Average(i => x[i]), variance = group.Average(i => (x[i] - mean) * (x[i] - mean));
            foreach (int i in group)
            {
                y[i] = (x[i] - mean) / Math.Sqrt(variance + norm.Epsilon) * scale[i % channels] + shift[i % channels];
            }
        }

        return y;
    }

    private static double[] Pool(ImageShape from, ImageShape to, int height, int width, int strideY, int strideX, double[] x, Func<IEnumerable<double>, double> summary)
    {
        var y = new double[to.Size];
        for (int i = 0; i < to.Size; i++)
        {
            (int row, int column, int c) = (i / to.Channels / to.Width, i / to.Channels % to.Width, i % to.Channels);
            y[i] = summary(
                from r in Enumerable.Range(row * strideY, height)
                from s in Enumerable.Range(column * strideX, width)
                select x[(r * @from.Width + s) * @from.Channels + c]);
        }

        return y;
    }

    private static double CrossEntropy(double[] scores, int label)
    {
        double largest = scores.Max();
        return largest + Math.Log(scores.Sum(score => Math.Exp(score - largest))) - scores[label];
    }

    private static double[] Differences(double[] values, Func<double> function, int stride)
    {
        var gradient = new double[values.Length];
        Array.Fill(gradient, double.NaN);
        for (int i = 0; i < values.Length; i += stride)
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

    private static List<double[]> Values(IEnumerable<Parameter> parameters) => [.. parameters.Select(parameter => Array.ConvertAll(parameter.Values.ToArray(), v => (double)v))];

    /// <summary>A way through the network: which parameters an example sees, and how many were used so far.</summary>
    private sealed record Pass(Func<int, int, double[]> Parameter, bool IsTraining)
    {
        public int Next { get; set; }

        public int NextStatistic { get; set; }
    }
}
