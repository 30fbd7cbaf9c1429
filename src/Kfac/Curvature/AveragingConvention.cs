namespace Kfac.Curvature;

/// <summary>Which published form of the running average and of the damping a <see cref="LayerCollection"/> follows.</summary>
public enum AveragingConvention
{
    /// <summary>
    /// Zero-debiased average (v = b·v + new, w = b·w + 1, value v/w) and a damping λ that is added as it is, whatever the
    /// image size.
    /// </summary>
    Corrected,

    /// <summary>
    /// As tf.contrib.kfac of TensorFlow r1.6 did it: the average starts at ones, c = b·c + (1-b)·new, and a convolution's
    /// damping is λ / T with T = H·W // (strideY·strideX). For comparison with results of that library.
    /// </summary>
    TensorFlowR16,
}
