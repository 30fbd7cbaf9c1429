namespace Kfac.Fisher;

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
}
