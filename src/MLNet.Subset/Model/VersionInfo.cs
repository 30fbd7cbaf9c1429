namespace Microsoft.ML;

/// <summary>What a model entry says about itself: what it is, which version wrote it, and who can load it.</summary>
internal readonly struct VersionInfo
{
    public readonly ulong ModelSignature;
    public readonly uint VerWrittenCur;
    public readonly uint VerReadableCur;
    public readonly uint VerWeCanReadBack;
    public readonly string LoaderAssemblyName;
    public readonly string LoaderSignature;
    public readonly string LoaderSignatureAlt;

    /// <param name="modelSignature">Eight Latin-1 characters.</param>
    /// <param name="verWrittenCur">The version that writes.</param>
    /// <param name="verReadableCur">The oldest version that can read what is written.</param>
    /// <param name="verWeCanReadBack">The oldest version whose files can be read.</param>
    /// <param name="loaderAssemblyName">The assembly that declares the loadable class.</param>
    /// <param name="loaderSignature">The load name of that class.</param>
    /// <param name="loaderSignatureAlt">Another load name of it.</param>
    public VersionInfo(
        string modelSignature,
        uint verWrittenCur,
        uint verReadableCur,
        uint verWeCanReadBack,
        string loaderAssemblyName,
        string loaderSignature = null,
        string loaderSignatureAlt = null)
    {
        if (modelSignature?.Length != 8 || modelSignature.Any(character => character > 0xFF))
        {
            throw new ArgumentException($"A model signature is eight Latin-1 characters, not '{modelSignature}'.", nameof(modelSignature));
        }

        for (int i = 0; i < modelSignature.Length; i++)
        {
            ModelSignature |= (ulong)modelSignature[i] << (8 * i);
        }

        VerWrittenCur = verWrittenCur;
        VerReadableCur = verReadableCur;
        VerWeCanReadBack = verWeCanReadBack;
        LoaderAssemblyName = loaderAssemblyName;
        LoaderSignature = loaderSignature;
        LoaderSignatureAlt = loaderSignatureAlt;
    }
}
