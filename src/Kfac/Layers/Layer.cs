using Kfac.Kernels;
using Kfac.Memory;
using Kfac.Running;

namespace Kfac.Layers;

/// <summary>What a forward pass is for.</summary>
/// <param name="IsTraining">Whether it is a step of a training, with statistics of the batch itself, or a prediction.</param>
/// <param name="Number">How many passes of the training came before it.</param>
internal readonly record struct ForwardPass(bool IsTraining, long Number);

/// <summary>
/// One step of a running <see cref="Network"/>. Where it has parameters, after a forward pass its <see cref="Input"/>, after a
/// backward pass that was asked for them its <see cref="OutputGradient"/> (of the loss summed over the batch) stay readable:
/// that is all curvature needs to know.
/// </summary>
internal abstract class Layer
{
    private protected Layer(string name, ImageShape inputShape, ImageShape outputShape)
    {
        Name = name;
        InputShape = inputShape;
        OutputShape = outputShape;
    }

    /// <summary>Kind and number, as in <c>conv2d_1</c>; unique in its network.</summary>
    public string Name { get; }

    /// <summary>Shape of one example before the layer.</summary>
    public ImageShape InputShape { get; }

    /// <summary>Shape of one example after the layer.</summary>
    public ImageShape OutputShape { get; }

    /// <summary>The trainable arrays: weights first, then the bias where there is one; empty for most kinds.</summary>
    public IReadOnlyList<Parameter> Parameters => ParameterArray;

    /// <summary>The same as an array: going through it allocates nothing.</summary>
    internal Parameter[] ParameterArray { get; private protected set; } = [];

    /// <summary>Whether its parameters stay as they are: it has none to train, and asks for no gradient. Set before <see cref="AddParameters"/>.</summary>
    internal bool IsFrozen { get; set; }

    /// <summary>What came in at the last forward pass.</summary>
    internal ActivationBuffer Input { get; private set; } = null!;

    /// <summary>What went out. In-place layers behind this one change it, unless it <see cref="ReadsOutput"/>.</summary>
    internal ActivationBuffer Output { get; private set; } = null!;

    /// <summary>Where the backward pass writes d loss / d input; null where nobody needs it.</summary>
    internal ActivationBuffer? InputGradient { get; private set; }

    /// <summary>d loss / d output, of the loss summed over the batch; null in a network that only predicts.</summary>
    internal ActivationBuffer? OutputGradient { get; private set; }

    /// <summary>Zeros it reads around its input.</summary>
    internal virtual Halo InputHalo => default;

    /// <summary>Zeros it reads around its output gradient.</summary>
    internal virtual Halo OutputGradientHalo => default;

    /// <summary>Whether output and input (and their gradients) may be one and the same memory.</summary>
    internal virtual bool WorksInPlace => false;

    /// <summary>Whether its backward pass, or the curvature of its parameters, reads <see cref="Input"/>.</summary>
    internal virtual bool ReadsInput => true;

    /// <summary>Whether its backward pass reads <see cref="Output"/>: no layer behind may then overwrite it.</summary>
    internal virtual bool ReadsOutput => false;

    /// <summary>Creates the parameters in <paramref name="store"/>.</summary>
    internal virtual void AddParameters(ParameterStore store)
    {
    }

    /// <summary>Draws the initial values.</summary>
    /// <param name="seed">The network's.</param>
    /// <param name="index">Number of the layer, which tells its random numbers from those of others.</param>
    internal virtual void Initialize(int seed, int index)
    {
    }

    /// <summary>Called before each forward pass.</summary>
    internal virtual void BeginForward(ForwardPass pass)
    {
    }

    /// <summary>Floats of memory that a worker lends it for the length of a call.</summary>
    internal virtual int ScratchLength => 0;

    /// <summary>Gives the layer its memory; scratch is a buffer for each worker, shared with all other layers.</summary>
    internal virtual void Connect(ActivationBuffer input, ActivationBuffer output, ActivationBuffer? inputGradient, ActivationBuffer? outputGradient, AlignedBuffer[] scratch)
    {
        Input = input;
        Output = output;
        InputGradient = inputGradient;
        OutputGradient = outputGradient;
    }

    /// <summary>The parameters that a training changes: none of a frozen layer.</summary>
    private protected Parameter[] Trained(params Parameter[] parameters) => IsFrozen ? [] : parameters;

    /// <summary>What an array is in training.</summary>
    private protected ParameterKind KindOf(ParameterKind kind) => IsFrozen ? ParameterKind.Statistic : kind;

    /// <summary>He initialisation: normal with variance 2 / fan-in (He et al. 2015), for a ReLU that follows.</summary>
    private protected static void InitializeHe(Parameter weights, int fanIn, int seed, int index)
    {
        var random = new SplitMix64(seed, RandomStream.InitialWeights, index);
        double standardDeviation = Math.Sqrt(2.0 / fanIn);
        foreach (ref float value in weights.MutableValues)
        {
            value = (float)(standardDeviation * random.NextGaussian());
        }
    }
}
