namespace Kfac.Memory;

/// <summary>
/// All parameters of a network, one behind the other in one array, and beside it arrays of the same layout for what the
/// backward pass gives. Optimizers can so treat the whole network as one vector; the gaps between parameters are zero
/// in every array and stay zero.
/// </summary>
internal sealed class ParameterStore
{
    private readonly List<Parameter> _parameters = [];
    private readonly Dictionary<string, Parameter> _byName = [];
    private AlignedBuffer? _values;
    private AlignedBuffer? _gradients;
    private AlignedBuffer? _squaredGradients;

    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Length of every array, gaps included.</summary>
    public int Length { get; private set; }

    /// <summary>Rises with every change of <see cref="Values"/>: what was derived from older values is stale.</summary>
    public int Version { get; private set; } = 1;

    public AlignedBuffer Values => _values ??= new AlignedBuffer(Length);

    /// <summary>Gradient of the mean loss.</summary>
    public AlignedBuffer Gradients => _gradients ??= new AlignedBuffer(Length);

    /// <summary>
    /// (1/N) sum_n g_n^2: mean over the batch's examples of the squared gradient of each example's own loss, element by
    /// element. Filled by backward passes that were asked for it.
    /// </summary>
    public AlignedBuffer SquaredGradients => _squaredGradients ??= new AlignedBuffer(Length);

    /// <summary>
    /// The parameter of that name: the one there is, where a network of the same description shares this store, else a
    /// new one, which only works before the first use of an array.
    /// </summary>
    public Parameter GetOrAdd(string name, int[] shape, ParameterKind kind, bool isVariance = false)
    {
        if (_byName.TryGetValue(name, out Parameter? found))
        {
            return found.Shape.SequenceEqual(shape)
                ? found
                : throw new InvalidOperationException($"parameter {name} has shape [{string.Join(", ", found.Shape)}], not [{string.Join(", ", shape)}]");
        }

        if (_values is not null)
        {
            throw new InvalidOperationException($"parameter {name} was added after the parameters were laid out");
        }

        int length = shape.Aggregate(1, (a, b) => checked(a * b));
        var parameter = new Parameter(this, name, shape, kind, Length, length) { IsVariance = isVariance };
        _parameters.Add(parameter);
        _byName.Add(name, parameter);
        Length = checked(Length + AlignedBuffer.RoundUp(length));
        return parameter;
    }

    /// <summary>A store of the same layout with a copy of the values, and nothing else.</summary>
    public ParameterStore CopyValues()
    {
        var copy = new ParameterStore();
        foreach (Parameter parameter in _parameters)
        {
            copy.GetOrAdd(parameter.Name, [.. parameter.Shape], parameter.Kind, parameter.IsVariance);
        }

        Values.Span.CopyTo(copy.Values.Span);
        return copy;
    }

    /// <summary>Says that <see cref="Values"/> were changed.</summary>
    public void MarkChanged() => Version++;
}
