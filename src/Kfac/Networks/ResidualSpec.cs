namespace Kfac.Networks;

/// <summary>
/// A residual block (He et al. 2016): y = body(x) + shortcut(x), both of one shape. What follows it, often a ReLU, is
/// the next layer's business. Blocks may be nested, up to 16 deep.
/// </summary>
public sealed record ResidualSpec : LayerSpec
{
    /// <summary>Blocks within each other: an end to what a description can claim, and well within the depth of JSON that is read back.</summary>
    private const int MaxDepth = 16;

    private readonly int _depth;

    /// <param name="body">The layers of the body, first to last; at least one.</param>
    /// <param name="shortcut">The layers of the shortcut, first to last; empty (or null) for the identity, shortcut(x) = x.</param>
    /// <exception cref="ArgumentException">The body is empty, a layer is null, or blocks are nested too deep.</exception>
    public ResidualSpec(IReadOnlyList<LayerSpec> body, IReadOnlyList<LayerSpec>? shortcut = null)
    {
        ArgumentNullException.ThrowIfNull(body);
        Body = [.. body];
        Shortcut = [.. shortcut ?? []];
        if (Body.Count == 0)
        {
            throw new ArgumentException("the body of a residual block must have at least one layer, but is empty", nameof(body));
        }

        LayerSequence.RequireLayers(Body, nameof(body));
        LayerSequence.RequireLayers(Shortcut, nameof(shortcut));
        _depth = 1 + Body.Concat(Shortcut).Max(layer => (layer as ResidualSpec)?._depth ?? 0);
        if (_depth > MaxDepth)
        {
            throw new ArgumentException($"residual blocks may be nested {MaxDepth} deep, but are {_depth} deep", nameof(body));
        }
    }

    /// <summary>The layers of the body, first to last.</summary>
    public IReadOnlyList<LayerSpec> Body { get; }

    /// <summary>The layers of the shortcut, first to last; empty for the identity.</summary>
    public IReadOnlyList<LayerSpec> Shortcut { get; }

    internal override bool TakesImages => Body.Concat(Shortcut).Any(layer => layer.TakesImages);

    internal override bool HasParameters => Body.Concat(Shortcut).Any(layer => layer.HasParameters);

    internal override bool MakesVector => Body.Concat(Shortcut).Any(layer => layer.MakesVector);

    /// <inheritdoc/>
    public bool Equals(ResidualSpec? other) => other is not null && Body.SequenceEqual(other.Body) && Shortcut.SequenceEqual(other.Shortcut);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Body.Count, Shortcut.Count, Body[0]);

    /// <inheritdoc/>
    public override string ToString() => $"ResidualSpec {{ Body of {Body.Count} layers, Shortcut of {Shortcut.Count} }}";

    internal override ImageShape InferOutput(ImageShape input)
    {
        ImageShape body = LayerSequence.InferShapes(Body, input, "of the body")[^1];
        ImageShape shortcut = Shortcut.Count == 0 ? input : LayerSequence.InferShapes(Shortcut, input, "of the shortcut")[^1];
        return body == shortcut
            ? body
            : throw new ArgumentException($"body and shortcut must give one shape, but the body gives {body} and the {(Shortcut.Count == 0 ? "identity" : "shortcut")} gives {shortcut}");
    }
}
