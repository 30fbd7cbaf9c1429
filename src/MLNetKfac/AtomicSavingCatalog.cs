using Kfac;

namespace Microsoft.ML;

/// <summary>Adds to <c>mlContext.Model</c> a way to save that never leaves half a file.</summary>
public static class AtomicSavingCatalog
{
    /// <summary>
    /// Saves a model as <c>mlContext.Model.Save</c> does, but beside the old file, whose place it takes once it is whole and on
    /// disk: whenever process or machine stop, and when the disk is full, the old or the new file is there, whole.
    /// </summary>
    /// <param name="catalog">Saving and loading of models.</param>
    /// <param name="model">The model: of any ML.NET transformers.</param>
    /// <param name="inputSchema">Schema of the model's input; null where it is not known.</param>
    /// <param name="filePath">The file, in a folder that is there.</param>
    /// <exception cref="IOException">The disk is full, or the like; the old file is still there.</exception>
    public static void SaveAtomically(this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema? inputSchema, string filePath)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        AtomicFile.Write(filePath, stream => catalog.Save(model, inputSchema, stream));
    }
}
