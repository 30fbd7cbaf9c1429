namespace Kfac.Training;

/// <summary>
/// What the weight of an image is multiplied by, for each class c: f_c = s·v_c, v_c from <see cref="TrainingOptions.ClassWeights"/>
/// (over the sum of the class's weights, with <see cref="TrainingOptions.BalanceClasses"/>), and s such that the weights have a
/// mean of 1 over the training images.
/// </summary>
internal static class ClassFactors
{
    /// <param name="options">What the user asks for.</param>
    /// <param name="weightSums">Sum of the weights of each class's images [classes].</param>
    /// <param name="images">Number of images.</param>
    /// <exception cref="ArgumentException">There is not one weight for each class, or all images together weigh nothing.</exception>
    public static float[] Compute(TrainingOptions options, ReadOnlySpan<double> weightSums, long images)
    {
        if (options.ClassWeights is { } given && given.Count != weightSums.Length)
        {
            throw new ArgumentException($"ClassWeights must be one weight for each of the {weightSums.Length} classes, but are {given.Count}", nameof(TrainingOptions.ClassWeights));
        }

        var factors = new double[weightSums.Length];
        double total = 0;
        for (int c = 0; c < factors.Length; c++)
        {
            factors[c] = (options.ClassWeights?[c] ?? 1.0) / (options.BalanceClasses && weightSums[c] > 0 ? weightSums[c] : 1);
            total += factors[c] * weightSums[c];
        }

        return total > 0
            ? Array.ConvertAll(factors, factor => (float)(factor * (images / total)))
            : throw new ArgumentException("the weights of the training images, times those of their classes, are all 0", nameof(TrainingOptions.ClassWeights));
    }
}
