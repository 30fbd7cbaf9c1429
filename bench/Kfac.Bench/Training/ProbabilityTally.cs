namespace Kfac.Bench.Training;

/// <summary>How probabilities fare against the classes: accuracy, mean cross-entropy, and expected calibration error in 15 bins of equal width (Guo et al. 2017).</summary>
internal sealed class ProbabilityTally
{
    private const int Bins = 15;

    private readonly double[] _surest = new double[Bins];
    private readonly int[] _right = new int[Bins];
    private double _loss;
    private int _count;

    public double Accuracy => (double)_right.Sum() / _count;

    public double LogLoss => _loss / _count;

    /// <summary>Mean over the images of |accuracy - confidence| of the image's bin.</summary>
    public double CalibrationError => _surest.Zip(_right, (sure, right) => Math.Abs(sure - right)).Sum() / _count;

    public void Add(ReadOnlySpan<float> probabilities, int label)
    {
        int guess = System.Numerics.Tensors.TensorPrimitives.IndexOfMax(probabilities), bin = Math.Min((int)(probabilities[guess] * Bins), Bins - 1);
        _surest[bin] += probabilities[guess];
        _right[bin] += guess == label ? 1 : 0;
        _loss -= Math.Log(Math.Max(probabilities[label], float.Epsilon));
        _count++;
    }
}
