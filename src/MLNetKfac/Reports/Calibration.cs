namespace MLNetKfac.Reports;

/// <summary>One bin of a reliability diagram.</summary>
/// <param name="Count">Pictures whose largest probability lies in it.</param>
/// <param name="Confidence">Mean of these probabilities; NaN where there is no picture.</param>
/// <param name="Accuracy">Share of these pictures that were classified correctly; NaN where there is no picture.</param>
internal readonly record struct CalibrationBin(int Count, double Confidence, double Accuracy);

/// <summary>How far the largest probability of a picture is the share of such pictures that are classified correctly.</summary>
internal sealed class Calibration
{
    public const int BinCount = 15;

    private readonly int[] _counts = new int[BinCount], _correct = new int[BinCount];
    private readonly double[] _confidence = new double[BinCount];

    /// <summary>Bins of equal width over (0, 1].</summary>
    public IReadOnlyList<CalibrationBin> Bins => [.. _counts.Select((count, bin) => new CalibrationBin(count, _confidence[bin] / count, (double)_correct[bin] / count))];

    /// <summary>Σ n[b] / N · |accuracy[b] − confidence[b]| over the bins b (Guo et al. 2017).</summary>
    public double ExpectedError => Bins.Where(bin => bin.Count > 0).Sum(bin => bin.Count * Math.Abs(bin.Accuracy - bin.Confidence)) / Math.Max(1, _counts.Sum());

    /// <param name="confidence">Largest probability of a picture.</param>
    /// <param name="isCorrect">Whether it was that of its class.</param>
    public void Add(double confidence, bool isCorrect)
    {
        int bin = Math.Clamp((int)Math.Ceiling(confidence * BinCount) - 1, 0, BinCount - 1);
        _counts[bin]++;
        _confidence[bin] += confidence;
        _correct[bin] += isCorrect ? 1 : 0;
    }
}
