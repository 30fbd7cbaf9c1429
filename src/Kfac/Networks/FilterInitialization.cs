namespace Kfac.Networks;

/// <summary>How a convolution's filter begins.</summary>
public enum FilterInitialization
{
    /// <summary>Normal with variance 2 / (R·S·C / Groups) (He et al. 2015).</summary>
    HeNormal,

    /// <summary>The first filters, as many as there are input channels, copy their channel; the others as <see cref="HeNormal"/>.</summary>
    Identity,

    /// <summary>
    /// Filters that whiten the patches of the training images: the eigenvectors vᵢ of their covariance, largest eigenvalue λᵢ
    /// first, as vᵢ / √(λᵢ + ε), then the same with the other sign. Directions that do not occur in the images stay <see cref="HeNormal"/>.
    /// Data decides it before the first step. For a network's first layer.
    /// </summary>
    Whitening,
}
