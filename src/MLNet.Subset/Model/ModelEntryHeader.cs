namespace Microsoft.ML;

/// <summary>The first bytes of each model entry: the written part of a <see cref="VersionInfo"/>.</summary>
internal readonly record struct ModelEntryHeader(
    ulong ModelSignature, uint VersionWritten, uint VersionReadable, string LoaderAssemblyName, string LoaderSignature)
{
    private const uint Magic = 0x314B4D53; // "SMK1"

    public static ModelEntryHeader From(VersionInfo version) => new(
        version.ModelSignature,
        version.VerWrittenCur,
        version.VerReadableCur,
        version.LoaderAssemblyName ?? "",
        version.LoaderSignature ?? "");

    public static ModelEntryHeader Read(BinaryReader reader)
    {
        if (reader.ReadUInt32() != Magic)
        {
            throw new FormatException("Not a model entry that this stand-in for ML.NET has written; files of ML.NET itself need the Microsoft.ML package.");
        }

        return new ModelEntryHeader(reader.ReadUInt64(), reader.ReadUInt32(), reader.ReadUInt32(), reader.ReadString(), reader.ReadString());
    }

    public void Write(BinaryWriter writer)
    {
        writer.Write(Magic);
        writer.Write(ModelSignature);
        writer.Write(VersionWritten);
        writer.Write(VersionReadable);
        writer.Write(LoaderAssemblyName);
        writer.Write(LoaderSignature);
    }

    public void Require(VersionInfo expected)
    {
        if (ModelSignature != expected.ModelSignature)
        {
            throw new FormatException($"The model entry has signature {ModelSignature:x16}, expected {expected.ModelSignature:x16} of '{expected.LoaderSignature}'.");
        }

        if (VersionReadable > expected.VerWrittenCur || VersionWritten < expected.VerWeCanReadBack)
        {
            throw new FormatException(
                $"The entry of '{expected.LoaderSignature}' was written by version {VersionWritten:x8}, readable since {VersionReadable:x8}; "
                + $"this is version {expected.VerWrittenCur:x8}, which reads back to {expected.VerWeCanReadBack:x8}.");
        }
    }
}
