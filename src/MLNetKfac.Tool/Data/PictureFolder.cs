using Microsoft.ML;

namespace MLNetKfac.Tool.Data;

/// <summary>What a training takes from a folder.</summary>
/// <param name="Training">What is trained on.</param>
/// <param name="Validation">What is set apart of it to watch the training by; null where <paramref name="ValidationFraction"/> is to be.</param>
/// <param name="ValidationFraction">Share of the training images that the trainer sets apart itself.</param>
/// <param name="Test">What the model is evaluated on; null for nothing.</param>
/// <param name="TestName">What that is called.</param>
internal sealed record TrainingData(PictureSet Training, PictureSet? Validation, double ValidationFraction, PictureSet? Test, string TestName);

/// <summary>
/// A folder of pictures on the command line: class folders, or <c>train</c> and <c>test</c> folders with class folders, or
/// IDX files.
/// </summary>
internal sealed class PictureFolder(MLContext mlContext, string path, Action<ImageFolderProgress> progress)
{
    private const int MaxDefaultSize = 64;

    private const double UsualValidation = 0.1, UsualTest = 0.2;

    /// <summary>What is to be said about how the folder is read.</summary>
    public List<string> Remarks { get; } = [];

    /// <param name="size">Rows and columns of the images; null for a square with the median of the pictures, at most 64, as side.</param>
    /// <param name="validation">Share to set apart; null for 0.1 where there are test pictures, else 0.2.</param>
    /// <param name="seed">Seed of the choice.</param>
    public TrainingData ReadForTraining((int Height, int Width)? size, double? validation, int seed)
    {
        if (IdxPictures.Exist(path, "train"))
        {
            return new TrainingData(
                ReadIdx("train", size), null, validation ?? UsualValidation,
                IdxPictures.Exist(path, "t10k") ? ReadIdx("t10k", size) : null, "test images");
        }

        string train = Path.Combine(path, "train"), test = Path.Combine(path, "test");
        bool hasTest = Directory.Exists(train) && Directory.Exists(test);
        ImageFolderDataView folder = Open(hasTest ? train : path);
        (int height, int width) = size ?? DefaultSize(folder);
        folder = folder.WithImageSize(height, width);
        ImageFolderDataView? apart = null;
        if ((validation ?? (hasTest ? UsualValidation : UsualTest)) is > 0 and double fraction)
        {
            (folder, apart) = folder.Split(fraction, seed);
        }

        PictureSet? testSet = hasTest ? Set(Open(test).WithImageSize(height, width)) : apart is null ? null : Set(apart);
        return new TrainingData(Set(folder), apart is null ? null : Set(apart), 0, testSet, hasTest ? "test pictures" : "held-back pictures");
    }

    /// <summary>The pictures to evaluate a model on: <c>test</c>, <c>t10k</c> or all.</summary>
    public PictureSet ReadForEvaluation(int height, int width)
    {
        if (IdxPictures.Exist(path, "t10k") || IdxPictures.Exist(path, "train"))
        {
            return IdxPictures.Read(mlContext, path, IdxPictures.Exist(path, "t10k") ? "t10k" : "train");
        }

        string test = Path.Combine(path, "test");
        bool hasTest = Directory.Exists(test) && Directory.Exists(Path.Combine(path, "train"));
        return Set(Open(hasTest ? test : path).WithImageSize(height, width));
    }

    private PictureSet ReadIdx(string prefix, (int Height, int Width)? size)
    {
        PictureSet images = IdxPictures.Read(mlContext, path, prefix);
        return size is null || size == (images.Height, images.Width)
            ? images
            : throw new ArgumentException($"IDX images keep their size, here {images.Width} x {images.Height}, but {size.Value.Width} x {size.Value.Height} is asked for");
    }

    private ImageFolderDataView Open(string folder) => mlContext.Data.LoadImagesFromFolder(folder, new ImageFolderOptions { ProgressCallback = progress });

    private (int Height, int Width) DefaultSize(ImageFolderDataView folder)
    {
        (int height, int width) = folder.MedianSize;
        int side = Math.Min(MaxDefaultSize, (int)Math.Round(Math.Sqrt((double)height * width)));
        Remarks.Add($"pictures of about {width} x {height} pixels become {side} x {side}; --size sets another size");
        return (side, side);
    }

    private static PictureSet Set(ImageFolderDataView folder) => new(folder, folder.Count, folder.ImageSize!.Value.Height, folder.ImageSize.Value.Width, 3, folder.ClassNames);
}
