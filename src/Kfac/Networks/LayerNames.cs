namespace Kfac.Networks;

/// <summary>Numbers a network's layers by their kind, in the order they run: <c>conv2d_1</c>, <c>conv2d_2</c>, <c>dense_1</c>.</summary>
internal sealed class LayerNames
{
    private readonly Dictionary<string, int> _counts = [];

    public string Next(LayerSpec spec) => Next(spec.GetType().Name[..^"Spec".Length]);

    public string Next(string kind)
    {
        _counts[kind] = _counts.GetValueOrDefault(kind) + 1;
        return $"{kind.ToLowerInvariant()}_{_counts[kind]}";
    }
}
