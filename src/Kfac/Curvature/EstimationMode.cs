namespace Kfac.Curvature;

/// <summary>Whose labels the loss gradients of a curvature estimate come from.</summary>
public enum EstimationMode
{
    /// <summary>
    /// One label per example, sampled from the model's own softmax: the true Fisher, at the price of a second backward
    /// pass. (tf.contrib.kfac: "gradients".)
    /// </summary>
    Gradients,

    /// <summary>The data's labels: the empirical Fisher, from the same backward pass as the gradient. (tf.contrib.kfac: "empirical".)</summary>
    Empirical,

    /// <summary>
    /// Random signs s, one for each class and example, sent back through B = diag(√p) - p √pᵀ, with B Bᵀ the softmax's own
    /// Fisher: the true Fisher on average, like <see cref="Gradients"/>, at the same price. (tf.contrib.kfac: "curvature_prop".)
    /// </summary>
    CurvaturePropagation,

    /// <summary>The true Fisher itself, by a backward pass for each class with the columns of B. (tf.contrib.kfac: "exact".)</summary>
    Exact,
}
