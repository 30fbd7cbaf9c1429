using Kfac.Layers;

namespace Kfac.Memory;

/// <summary>What a backward pass is to leave in the <see cref="ParameterStore"/>.</summary>
[Flags]
internal enum BackwardQuantities
{
    /// <summary>The gradient of the mean loss.</summary>
    Gradient = 1,

    /// <summary>The mean over examples of the squared per-example gradients.</summary>
    SquaredGradient = 2,

    /// <summary>Every layer's <see cref="Layer.OutputGradient"/>, which stays readable; not in the store.</summary>
    OutputGradients = 4,
}
