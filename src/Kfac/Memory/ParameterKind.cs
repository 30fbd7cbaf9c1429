namespace Kfac.Memory;

/// <summary>What an array is to its layer.</summary>
public enum ParameterKind
{
    /// <summary>A filter or a weight matrix: what weight decay works on.</summary>
    Weights,

    /// <summary>What is added to each output channel: a bias, or the shift of a normalisation.</summary>
    Bias,

    /// <summary>The scale of a normalisation.</summary>
    Scale,

    /// <summary>A running average of what came by, such as a batch normalisation's mean: part of the model, but not trained. Its gradient is always zero.</summary>
    Statistic,
}
