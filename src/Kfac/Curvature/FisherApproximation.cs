namespace Kfac.Curvature;

/// <summary>Which block approximates the Fisher of a layer. A normalisation has one, <see cref="ScaleAndShiftDiagonalFB"/>, under every name but <see cref="NaiveDiagonal"/>.</summary>
public enum FisherApproximation
{
    /// <summary>The default: <see cref="ConvDiagonalFB"/> for every convolution, <see cref="FullyConnectedDiagonalFB"/> for dense layers.</summary>
    Auto,

    /// <summary>One number for each parameter, from per-example gradients: <see cref="ConvDiagonalFB"/>, <see cref="FullyConnectedDiagonalFB"/>.</summary>
    Diagonal,

    /// <summary>The Kronecker product of two covariances: <see cref="ConvKFCBasicFB"/>, <see cref="FullyConnectedKFACBasicFB"/>.</summary>
    Kronecker,

    /// <summary>The Kronecker product's eigenbasis with the exact second moments in it: <see cref="ConvEkfacFB"/>, <see cref="FullyConnectedEkfacFB"/>.</summary>
    Ekfac,

    /// <summary>The whole matrix, for small layers: <see cref="FullFB"/>.</summary>
    Full,

    /// <summary>One number for each parameter, from the batch's gradient: <see cref="NaiveDiagonalFB"/>.</summary>
    NaiveDiagonal,
}
