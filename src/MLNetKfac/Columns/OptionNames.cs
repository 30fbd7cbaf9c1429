namespace MLNetKfac.Columns;

/// <summary>Options that messages about columns name.</summary>
internal static class OptionNames
{
    /// <summary>What <c>LoadImagesFromFolder</c> calls its column of images, unless another name is asked for.</summary>
    public const string FolderImageColumn = "Image";

    public const string FeatureColumn = nameof(KfacImageClassificationTrainer.Options.FeatureColumnName);
    public const string LabelColumn = nameof(KfacImageClassificationTrainer.Options.LabelColumnName);
    public const string ImageShape = nameof(KfacImageClassificationTrainer.Options.ImageShape);
    public const string Layout = nameof(KfacImageClassificationTrainer.Options.Layout);
    public const string FolderImageSize = $"{nameof(ImageFolderOptions)}.{nameof(ImageFolderOptions.ImageSize)}";
    public const string ClassWeights = nameof(KfacImageClassificationTrainer.Options.ClassWeights);
}
