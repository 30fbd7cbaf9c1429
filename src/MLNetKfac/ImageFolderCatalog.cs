using MLNetKfac;
using MLNetKfac.ModelIO;

namespace Microsoft.ML;

/// <summary>Puts the folder of pictures among the sources of <c>mlContext.Data</c>.</summary>
public static class ImageFolderCatalog
{
    /// <summary>
    /// A row for each picture (JPEG, PNG, BMP, GIF, WebP) of a folder with a sub-folder for each class: <c>Path</c> and
    /// <c>Label</c> (the class folder's name), both text, and <c>Image</c> where
    /// <see cref="ImageFolderOptions.ImageSize"/> asks for it.
    /// </summary>
    /// <remarks>
    /// Classes are in ordinal order of their names, and so are the pictures of a class, folder by folder. Hidden and system
    /// files (<c>.git</c>, <c>__MACOSX</c>, <c>Thumbs.db</c>) and files of other types are left out and listed in
    /// <see cref="ImageFolderDataView.LeftOut"/>. Pictures are read as a cursor asks for them, some ahead on several threads.
    /// </remarks>
    /// <param name="catalog">The data operations.</param>
    /// <param name="path">The folder.</param>
    /// <param name="options">Columns, size and what happens to unreadable pictures; null for the defaults.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">There is no class folder with a picture.</exception>
    /// <exception cref="ArgumentException">An option is out of its range; the message names it.</exception>
    /// <example><code>
    /// ImageFolderDataView folder = mlContext.Data.LoadImagesFromFolder("flowers", new() { ImageSize = (64, 64) });
    /// (ImageFolderDataView training, ImageFolderDataView test) = folder.Split(testFraction: 0.2, seed: 1);
    /// </code></example>
    public static ImageFolderDataView LoadImagesFromFolder(this DataOperationsCatalog catalog, string path, ImageFolderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new ImageFolderOptions();
        options.Validate();
        return ImageFolderDataView.Open(MLNetInternals.EnvironmentOf(catalog), path, options);
    }
}
