namespace MLNetKfac.Columns;

/// <summary>The trainer's options that messages about columns name.</summary>
internal static class OptionNames
{
    public const string FeatureColumn = nameof(KfacImageClassificationTrainer.Options.FeatureColumnName);
    public const string LabelColumn = nameof(KfacImageClassificationTrainer.Options.LabelColumnName);
    public const string ImageShape = nameof(KfacImageClassificationTrainer.Options.ImageShape);
    public const string Layout = nameof(KfacImageClassificationTrainer.Options.Layout);
    public const string ClassWeights = nameof(KfacImageClassificationTrainer.Options.ClassWeights);
}
