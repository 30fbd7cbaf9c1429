namespace MLNetKfac.Reports;

/// <summary>A test picture and what the model made of it.</summary>
/// <param name="Pixels">[H, W, C], in the unit of the training images.</param>
/// <param name="Label">Its class, from 0.</param>
/// <param name="Probabilities">Those of the classes.</param>
/// <param name="Name">The end of its path, or the number of its row.</param>
internal sealed record TestedPicture(float[] Pixels, int Label, float[] Probabilities, string Name)
{
    /// <summary>Least probability in a logarithm.</summary>
    private const double MinProbability = 1e-15;

    /// <summary>The most probable class, the first of equals.</summary>
    public int Predicted => Array.IndexOf(Probabilities, Probabilities.Max());

    public bool IsMistake => Predicted != Label;

    /// <summary>-ln p[label], in nats.</summary>
    public double Loss => LossOf(Probabilities[Label]);

    /// <summary>-ln p, at most 34.5.</summary>
    public static double LossOf(float probability) => -Math.Log(Math.Max(probability, MinProbability));
}
