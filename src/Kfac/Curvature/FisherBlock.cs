using System.Numerics.Tensors;
using Kfac.Layers;
using Kfac.Memory;

namespace Kfac.Curvature;

/// <summary>
/// The Fisher information matrix of one layer's parameters, in some approximation (tf.contrib.kfac.fisher_blocks.FisherBlock).
/// </summary>
/// <remarks>
/// On its own: register the minibatches, hand in the gradients of the loss <em>summed</em> over each minibatch with respect
/// to <see cref="TensorsToComputeGrads"/>, then multiply. Inside the trainer the same block is bound to a layer and reads
/// the statistics that the backward pass left behind.
/// </remarks>
public abstract class FisherBlock
{
    private string? _recovery;

    private protected FisherBlock(LayerCollection layerCollection, ReadOnlySpan<int> weightsShape, bool hasBias)
    {
        ArgumentNullException.ThrowIfNull(layerCollection);
        LayerCollection = layerCollection;
        WeightsShape = weightsShape.ToArray();
        HasBias = hasBias;
        layerCollection.Add(this);
    }

    /// <summary>The collection this block belongs to.</summary>
    public LayerCollection LayerCollection { get; }

    /// <summary>How many minibatches are registered and wait for <see cref="InstantiateFactors"/>.</summary>
    public abstract int NumRegisteredMinibatches { get; }

    /// <summary>Damping λ, added to the curvature's eigenvalues.</summary>
    public float Damping { get; internal set; }

    /// <summary>
    /// λ as it is added: <see cref="Damping"/>, or that times the block's mean eigenvalue. Where that is 0 no multiple of it
    /// would do, and λ is added as it is. The curvature of an L2 term comes on top, except for normalisations, whose scales have none.
    /// </summary>
    internal double EffectiveDamping => LayerCollection.DampingIsRelative && MeanEigenvalue is > 0 and var mean ? Damping * mean + L2 : Damping + L2;

    /// <summary>
    /// The exponent p in [-1, 1] that Kronecker-factored and full blocks keep (F + λI)^p ready for; other powers cost a
    /// decomposition each time. Default -1.
    /// </summary>
    public float PreparedExponent { get; internal set; } = -1;

    /// <summary>Steps of a training between updates of the statistic, at least 1.</summary>
    internal int UpdatePeriod { get; set; } = 1;

    private float L2 => Layer is BatchNorm or GroupNorm ? 0 : LayerCollection.L2;

    /// <summary>Trace of the undamped F divided by its dimension.</summary>
    internal abstract double MeanEigenvalue { get; }

    /// <summary>Whether a statistic has come in.</summary>
    internal abstract bool HasCurvature { get; }

    /// <summary>What went wrong with the last inverse and what was done about it, once; null where all went well.</summary>
    internal string? TakeRecovery() => Interlocked.Exchange(ref _recovery, null);

    /// <summary>Name of the layer it is bound to in a training, as in <c>conv2d_1</c>; null where the block is used on its own.</summary>
    public string? LayerName => Layer?.Name;

    /// <summary>The layer whose statistics it reads inside the trainer; null where the block is used on its own.</summary>
    internal Layer? Layer { get; private protected init; }

    /// <summary>What a backward pass must leave in the parameter store for <see cref="UpdateFromLayer"/>.</summary>
    internal abstract BackwardQuantities Needs { get; }

    /// <summary>Of how many of a batch's examples, the first ones, it reads the output gradients.</summary>
    internal virtual int ExamplesRead(int examples) => 0;

    private protected int[] WeightsShape { get; }

    private protected bool HasBias { get; }

    /// <summary>Length of the bias, the last dimension of the weights; 0 without a bias.</summary>
    private protected int BiasLength => HasBias ? WeightsShape[^1] : 0;

    private protected int WeightsLength => WeightsShape.Aggregate(1, (a, b) => a * b);

    /// <summary>The tensors with respect to which the loss gradients are wanted, in the order of <see cref="InstantiateFactors"/>.</summary>
    public abstract IReadOnlyList<Tensor<float>> TensorsToComputeGrads();

    /// <summary>
    /// Takes the registered minibatches and their loss gradients into the running average, as one update, and sets the damping.
    /// The registered minibatches are used up.
    /// </summary>
    /// <param name="gradsList">
    /// One entry per source of gradients (one sampled label; one class of an exact sum; …), each with one gradient per tensor
    /// of <see cref="TensorsToComputeGrads"/>, of the same shape as that tensor. Sources are summed.
    /// </param>
    /// <param name="damping">λ ≥ 0.</param>
    /// <exception cref="ArgumentException">Numbers or shapes do not match what was registered, or a gradient is not finite.</exception>
    /// <exception cref="InvalidOperationException">No minibatch is registered.</exception>
    public abstract void InstantiateFactors(IReadOnlyList<IReadOnlyList<Tensor<float>>> gradsList, float damping);

    /// <summary>(F + λI) v.</summary>
    /// <param name="vector">v, shaped like the parameters.</param>
    /// <exception cref="ArgumentException">The shapes do not match the parameters.</exception>
    /// <exception cref="InvalidOperationException">No statistic has come in yet.</exception>
    public ParameterTensors Multiply(ParameterTensors vector) => MultiplyMatrixPower(vector, 1);

    /// <summary>(F + λI)⁻¹ v.</summary>
    /// <inheritdoc cref="MultiplyMatrixPower(ParameterTensors, float)" path="/exception"/>
    /// <param name="vector">v, shaped like the parameters.</param>
    public ParameterTensors MultiplyInverse(ParameterTensors vector) => MultiplyMatrixPower(vector, -1);

    /// <summary>(F + λI)^p v, of the symmetric positive matrix F + λI (multiply_matpower of later releases of tensorflow/kfac).</summary>
    /// <param name="vector">v, shaped like the parameters.</param>
    /// <param name="exponent">p in [-1, 1]; -1 is the inverse, -1/2 the inverse root, 1 the matrix itself.</param>
    /// <exception cref="ArgumentException">The shapes do not match the parameters.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The exponent is not in [-1, 1].</exception>
    /// <exception cref="InvalidOperationException">No statistic has come in yet, or p is negative and F + λI is singular in single precision.</exception>
    public ParameterTensors MultiplyMatrixPower(ParameterTensors vector, float exponent)
    {
        RequireVector(vector);
        if (!(exponent is >= -1 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(exponent), exponent, "the exponent must be in [-1, 1]");
        }

        if (!HasCurvature)
        {
            throw new InvalidOperationException("the curvature has no value yet: register a minibatch and call InstantiateFactors first");
        }

        var result = new ParameterTensors(Tensor.CreateFromShape<float>(vector.Weights.Lengths), vector.Bias is null ? null : Tensor.CreateFromShape<float>(vector.Bias.Lengths));
        MultiplyMatrixPower(Spans(vector), Spans(result), exponent);
        bool isSingular = exponent < 0 && ((Layer is null && _recovery is not null) || (!IsFinite(result) && IsFinite(vector)));
        return isSingular ? throw new InvalidOperationException($"the curvature with damping {Damping} is singular in single precision: give a larger damping") : result;
    }

    /// <summary>result = (F + λI)^exponent v; both may be the same memory.</summary>
    /// <remarks>Allocates nothing where the exponent is <see cref="PreparedExponent"/>.</remarks>
    internal abstract void MultiplyMatrixPower(ParameterSpans vector, ParameterSpans result, float exponent);

    /// <summary>Takes in what the last backward pass over <paramref name="examples"/> examples left at <see cref="Layer"/>.</summary>
    /// <returns>False where the statistic was not finite and so was left out.</returns>
    internal abstract bool UpdateFromLayer(int examples, Pass pass);

    /// <summary>
    /// Recomputes what <see cref="MultiplyMatrixPower(ParameterSpans, ParameterSpans, float)"/> uses from the running averages
    /// and the damping of this moment, for blocks that cannot invert on the spot.
    /// </summary>
    internal void RefreshInverse()
    {
        PrepareInverse();
        ComputeInverse(LayerCollection.Workers.Cancellation);
        PublishInverse();
    }

    /// <summary>What <see cref="ComputeInverse"/> costs beside that of other blocks; 0 for those that invert on the spot.</summary>
    internal virtual double InverseCost => 0;

    /// <summary>Whether another damping needs another <see cref="ComputeInverse"/>.</summary>
    internal virtual bool InverseHasDamping => InverseCost > 0;

    /// <summary>Takes down what the inverse will be computed from.</summary>
    internal virtual void PrepareInverse()
    {
    }

    /// <summary>Computes it; on any thread, while the last inverse is still in use.</summary>
    internal virtual void ComputeInverse(CancellationToken cancellation)
    {
    }

    /// <summary>Puts it to use.</summary>
    internal virtual void PublishInverse()
    {
    }

    /// <summary>Copies what it remembers beside its factors and inverses out to <paramref name="state"/>, or back from it.</summary>
    internal virtual void CaptureOrRestore(StateDictionary state, string name) => state.CaptureOrRestore($"{name}.recovery", ref _recovery);

    /// <summary>Copies the inverse in use out to <paramref name="state"/>, or back from it.</summary>
    internal virtual void CaptureOrRestoreInverse(StateDictionary state, string name)
    {
    }

    /// <summary>The same for an inverse that was computed and not yet put to use.</summary>
    internal virtual void CaptureOrRestoreNextInverse(StateDictionary state, string name)
    {
    }

    private protected void ReportRecovery(string? what) => _recovery = what ?? _recovery;

    private protected static ArgumentException NotFinite() =>
        new("the inputs or loss gradients hold a NaN or an infinity, or numbers so large that their squares are infinite");

    private protected static void RequireDamping(float damping)
    {
        if (!(damping >= 0) || !float.IsFinite(damping))
        {
            throw new ArgumentOutOfRangeException(nameof(damping), damping, "damping must be a finite number that is not negative");
        }
    }

    private protected static void RequireSources(IReadOnlyList<IReadOnlyList<Tensor<float>>> gradsList)
    {
        if (gradsList.Count == 0)
        {
            throw new ArgumentException("there must be at least one source of gradients, but there is none", nameof(gradsList));
        }
    }

    private void RequireVector(ParameterTensors vector)
    {
        ArgumentNullException.ThrowIfNull(vector);
        vector.Weights.RequireShape(WeightsShape, "the vector's weights", nameof(vector));
        if (HasBias != vector.Bias is not null)
        {
            throw new ArgumentException(HasBias ? "the layer has a bias, but the vector has none" : "the layer has no bias, but the vector has one", nameof(vector));
        }

        vector.Bias?.RequireShape([BiasLength], "the vector's bias", nameof(vector));
    }

    private static bool IsFinite(ParameterTensors tensors)
    {
        ParameterSpans spans = Spans(tensors);
        return float.IsFinite(TensorPrimitives.Sum<float>(spans.Weights) + TensorPrimitives.Sum<float>(spans.Bias));
    }

    private static ParameterSpans Spans(ParameterTensors tensors) => new(tensors.Weights.Values(), tensors.Bias is null ? [] : tensors.Bias.Values());
}

/// <summary>One of the backward passes that a statistic is made of.</summary>
internal readonly record struct Pass(int Index, int Count)
{
    public static Pass Only => new(0, 1);

    public bool IsFirst => Index == 0;

    public bool IsLast => Index == Count - 1;
}
