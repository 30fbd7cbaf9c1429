namespace Kfac.Networks;

/// <summary>
/// Group normalisation (Wu and He 2018): y = scale[c] · (x - mean) / √(variance + ε) + shift[c], mean and variance of the
/// example's own values, over rows, columns and the channels of c's group; the same in training and prediction. One group
/// is layer normalisation (Ba, Kiros and Hinton 2016) over the whole example. If the variance is at most ε / 1,000,000, the values count
/// as all the same, and no gradient goes through the group.
/// </summary>
/// <param name="Groups">Into how many groups of neighbouring channels; divides their number.</param>
/// <param name="Epsilon">ε, in the unit of the variance; above 0.</param>
public sealed record GroupNormSpec(int Groups, float Epsilon = 1e-5f) : LayerSpec
{
    internal override bool HasParameters => true;

    internal override ImageShape InferOutput(ImageShape input)
    {
        RequirePositive(Groups, "the number of groups");
        RequireEpsilon(Epsilon);
        return input.Channels % Groups == 0
            ? input
            : throw new ArgumentException($"the number of groups must divide the number of channels, but there are {Groups} groups and its input is {input}");
    }
}
