namespace Kfac.Memory;

/// <summary>One array of a layer: a filter [R, S, C, K], a weight matrix [F, K], a bias [K], or what a normalisation has for each channel [C].</summary>
/// <remarks>Views into the network's <see cref="ParameterStore"/>; every span is row-major in <see cref="Shape"/>.</remarks>
public sealed unsafe class Parameter
{
    private readonly ParameterStore _store;

    internal Parameter(ParameterStore store, string name, int[] shape, ParameterKind kind, int offset, int length)
    {
        _store = store;
        Name = name;
        Shape = shape;
        Kind = kind;
        Offset = offset;
        Length = length;
    }

    /// <summary>Layer and role, as in <c>conv2d_1/filter</c>.</summary>
    public string Name { get; }

    /// <summary>Sizes of the dimensions, slowest first.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>What it is to its layer.</summary>
    public ParameterKind Kind { get; }

    /// <summary>Whether this is a bias, or the shift of a normalisation.</summary>
    public bool IsBias => Kind == ParameterKind.Bias;

    /// <summary>Number of values.</summary>
    public int Length { get; }

    /// <summary>The current values.</summary>
    public ReadOnlySpan<float> Values => _store.Values.Span.Slice(Offset, Length);

    /// <summary>Gradient of the mean loss of the batch, as of the last backward pass.</summary>
    internal ReadOnlySpan<float> Gradient => _store.Gradients.Span.Slice(Offset, Length);

    /// <summary>Mean over the batch's examples of the squared per-example gradients, where the last backward pass was asked for it.</summary>
    internal ReadOnlySpan<float> SquaredGradient => _store.SquaredGradients.Span.Slice(Offset, Length);

    /// <summary>Whether its values are variances, and so never below 0.</summary>
    internal bool IsVariance { get; init; }

    /// <exception cref="FormatException">A value is one that no training leaves behind.</exception>
    internal void RequirePossible()
    {
        int wrong = IsVariance ? Values.IndexOfAnyInRange(float.NegativeInfinity, -float.Epsilon) : -1;
        if (wrong >= 0)
        {
            throw new FormatException($"value {wrong} of {Name} is {Values[wrong]}, but a variance is never below 0");
        }
    }

    /// <summary>Where the values begin in each of the store's arrays.</summary>
    internal int Offset { get; }

    /// <summary>The values, to be written; then <see cref="ParameterStore.MarkChanged"/> is due.</summary>
    internal Span<float> MutableValues => _store.Values.Span.Slice(Offset, Length);

    internal float* ValuesPointer => _store.Values.Pointer + Offset;

    internal float* GradientPointer => _store.Gradients.Pointer + Offset;

    internal float* SquaredGradientPointer => _store.SquaredGradients.Pointer + Offset;
}
