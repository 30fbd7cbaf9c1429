namespace Microsoft.ML.Data;

/// <summary>The model entry of a transformer of this assembly: the name it is loaded by, and its version.</summary>
internal sealed class TransformerFormat(string loaderSignature, string modelSignature)
{
    public VersionInfo Version { get; } = new(
        modelSignature, 1, 1, 1, typeof(TransformerFormat).Assembly.GetName().Name, loaderSignature);

    /// <summary>The reader of an entry, once it is certain that it is of this format.</summary>
    public BinaryReader Open(ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        return ctx.Reader;
    }
}
