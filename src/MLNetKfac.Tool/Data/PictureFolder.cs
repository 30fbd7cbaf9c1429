using System.Diagnostics.CodeAnalysis;
using Kfac.Parallel;
using Microsoft.ML;
using MLNetKfac.Tool.Terminal;

namespace MLNetKfac.Tool.Data;

/// <summary>What a training takes from a folder.</summary>
/// <param name="Training">What is trained on.</param>
/// <param name="Validation">What is set apart of it to watch the training by; null where <paramref name="ValidationFraction"/> is to be.</param>
/// <param name="ValidationFraction">Share of the training images that the trainer sets apart itself.</param>
/// <param name="Test">What the model is evaluated on; null for nothing.</param>
/// <param name="DrawsValidation">Whether the seed chooses what is set apart.</param>
internal sealed record TrainingData(PictureSet Training, PictureSet? Validation, double ValidationFraction, PictureSet? Test, bool DrawsValidation)
{
    /// <summary>Whether there are no pictures for the test alone, so that those held back are evaluated on.</summary>
    public bool TestsOnValidation => Test is not null && Test == Validation;
}

/// <summary>
/// A folder of pictures on the command line: class folders, or <c>train</c> and <c>test</c> or <c>val</c> folders with class
/// folders, or IDX files.
/// </summary>
internal sealed class PictureFolder(MLContext mlContext, string path, Action<ImageFolderProgress> progress, Communicator ranks)
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
            double apartOfIdx = validation ?? UsualValidation;
            PictureSet images = ReadIdx("train", size);
            return new TrainingData(images, null, apartOfIdx, IdxPictures.Exist(path, "t10k") ? ReadIdxBeside(images) : null, DrawsValidation: apartOfIdx > 0);
        }

        FolderLayout layout = FolderLayout.Of(path);
        ImageFolderDataView training = Open(layout.Training);
        if (training.ClassNames.Count < 2)
        {
            throw new InvalidDataException($"a training needs two classes, but '{layout.Training}' has one folder with pictures, '{training.ClassNames[0]}'{FolderLayout.GoDeeper(layout.Training, training.ClassNames)}");
        }

        if (layout.Validation is not null && validation is not null)
        {
            throw new ArgumentException($"--validation and the folder '{layout.Validation}' both hold pictures back: leave the option out, or move the folder away");
        }

        ImageFolderDataView? apart = OpenBeside(layout.Validation, training), test = OpenBeside(layout.Test, training);
        (int height, int width) = size ?? DefaultSize(training);
        if (layout.LeftOut.Count > 0)
        {
            Remarks.Add($"left out beside {Path.GetFileName(layout.Training)}: {Classes.List(layout.LeftOut, 200)}");
        }

        double fraction = apart is not null ? 0 : validation ?? (test is null ? UsualTest : UsualValidation);
        if (fraction > 0)
        {
            (training, apart) = Split(training, fraction, seed);
        }

        PictureSet? validationSet = Set(apart, height, width);
        return new TrainingData(Set(training, height, width), validationSet, 0, test is null ? validationSet : Set(test, height, width), DrawsValidation: fraction > 0);
    }

    /// <summary>The pictures to evaluate a model on: those of <c>test</c>, <c>val</c> or <c>t10k</c>, or all.</summary>
    public PictureSet ReadForEvaluation(int height, int width)
    {
        if (IdxPictures.Exist(path, "t10k") || IdxPictures.Exist(path, "train"))
        {
            return IdxPictures.Read(mlContext, path, IdxPictures.Exist(path, "t10k") ? "t10k" : "train");
        }

        FolderLayout layout = FolderLayout.Of(path);
        return Set(Open(layout.Test ?? layout.Validation ?? layout.Training), height, width);
    }

    private PictureSet ReadIdx(string prefix, (int Height, int Width)? size)
    {
        PictureSet images = IdxPictures.Read(mlContext, path, prefix);
        return size is null || size == (images.Height, images.Width)
            ? images
            : throw new ArgumentException($"IDX images keep their size, here {images.Width} x {images.Height}, but {size.Value.Width} x {size.Value.Height} is asked for");
    }

    /// <summary>The test images, of the size, the channels and the classes of those to train on.</summary>
    private PictureSet ReadIdxBeside(PictureSet training)
    {
        PictureSet test = IdxPictures.Read(mlContext, path, "t10k");
        if ((test.Width, test.Height, test.Channels) != (training.Width, training.Height, training.Channels))
        {
            throw new InvalidDataException($"the images of t10k in '{path}' must be like those of train, {training.Width} x {training.Height} with {Plural.Of(training.Channels, "channel", "channels")}, but are {test.Width} x {test.Height} with {test.Channels}");
        }

        Classes.RequireKnown(test.ClassNames, $"t10k in {path}", training.ClassNames, $"train in '{path}'");
        return test;
    }

    private ImageFolderDataView Open(string folder) => mlContext.Data.LoadImagesFromFolder(folder, new ImageFolderOptions { ProgressCallback = progress, Communicator = ranks });

    private (int Height, int Width) DefaultSize(ImageFolderDataView folder)
    {
        (int height, int width) = folder.MedianSize;
        int side = Math.Min(MaxDefaultSize, (int)Math.Round(Math.Sqrt((double)height * width)));
        Remarks.Add($"pictures of about {width} x {height} pixels become {side} x {side}; --size sets another size");
        return (side, side);
    }

    /// <summary>Pictures of the same classes as those to train on; null where there is no such folder.</summary>
    private ImageFolderDataView? OpenBeside(string? folder, ImageFolderDataView training)
    {
        if (folder is null)
        {
            return null;
        }

        ImageFolderDataView pictures = Open(folder);
        Classes.RequireKnown(pictures.ClassNames, folder, training.ClassNames, $"'{training.Folder}'");
        return pictures;
    }

    private static (ImageFolderDataView Training, ImageFolderDataView Apart) Split(ImageFolderDataView pictures, double fraction, int seed)
    {
        try
        {
            return pictures.Split(fraction, seed);
        }
        catch (InvalidDataException single)
        {
            throw new InvalidDataException($"{single.Message}; or hold no pictures back, by --validation 0", single);
        }
    }

    [return: NotNullIfNotNull(nameof(folder))]
    private static PictureSet? Set(ImageFolderDataView? folder, int height, int width) =>
        folder is null ? null : new(folder.WithImageSize(height, width), folder.Count, height, width, 3, folder.ClassNames, folder.Folder);
}
