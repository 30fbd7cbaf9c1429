namespace MLNetKfac.ModelIO;

/// <summary>Announces, on the assembly <c>MLNetKfac</c>, who loads the transformers of one kind.</summary>
/// <param name="kind">The name in the model file, at most 255 bytes of UTF-8; never changes once models have been saved.</param>
/// <param name="newestVersion">The newest payload version that <paramref name="loader"/> reads.</param>
/// <param name="loader">A class that implements <see cref="ITransformerLoader"/>.</param>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
public sealed class LoadsTransformerAttribute(string kind, int newestVersion, Type loader) : Attribute
{
    /// <summary>The name in the model file.</summary>
    public string Kind { get; } = kind;

    /// <summary>The newest payload version that <see cref="Loader"/> reads.</summary>
    public int NewestVersion { get; } = newestVersion;

    /// <summary>A class that implements <see cref="ITransformerLoader"/>.</summary>
    public Type Loader { get; } = loader;
}
