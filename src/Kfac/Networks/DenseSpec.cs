namespace Kfac.Networks;

/// <summary>A fully connected layer: weights [F, K] and, unless switched off, a bias [K]. Takes the example as one flat vector.</summary>
/// <param name="Units">Number of outputs K.</param>
/// <param name="UseBias">Whether a bias [K] is added.</param>
public sealed record DenseSpec(int Units, bool UseBias = true) : LayerSpec
{
    internal override bool HasParameters => true;

    internal override bool MakesVector => true;

    internal override ImageShape InferOutput(ImageShape input)
    {
        RequirePositive(Units, "the number of units");
        return input.IsFlat
            ? ImageShape.Flat(Units)
            : throw new ArgumentException($"a dense layer takes a flat vector, but its input is {input}: put a Flatten before it");
    }
}
