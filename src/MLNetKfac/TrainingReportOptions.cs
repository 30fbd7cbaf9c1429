namespace MLNetKfac;

/// <summary>What a <see cref="TrainingReport"/> shows. Everything has a default.</summary>
public sealed class TrainingReportOptions
{
    /// <summary>Heading of the page. Default <c>Training report</c>.</summary>
    public string Title = "Training report";

    /// <summary>Column of the classes: a key, as the model was trained on, or text. Default <c>Label</c>.</summary>
    public string LabelColumnName = "Label";

    /// <summary>
    /// Column of the pictures' paths, text, of which folder and name are shown; where there is no such column, pictures are named
    /// by the numbers of their rows. Default <c>Path</c>, as <c>LoadImagesFromFolder</c> names it.
    /// </summary>
    public string PathColumnName = "Path";

    /// <summary>
    /// Whether the pictures are the validation set of the training. They then chose the epoch and the temperature, and the figures
    /// are a little flattered: the report says so and gives no confidence interval. Default false.
    /// </summary>
    public bool IsValidationData;

    /// <summary>The options that the trainer was given: those that differ from the defaults are shown. Null, the default, for none.</summary>
    public KfacImageClassificationTrainer.Options? TrainerOptions;

    /// <summary>What else there is to know of the training, by name: where the data is from, the machine. Default none.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Facts = [];

    /// <summary>Mistakes shown with their pictures, worst first; 0 or more. Default 24.</summary>
    public int Mistakes = 24;

    /// <summary>Pictures shown with a map of where the model looks; 0 or more. Default 6. A map takes a few hundred predictions.</summary>
    public int HeatMaps = 6;

    /// <summary>Threads to compute with; 0, the default, takes all processors.</summary>
    public int Threads;

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Title, nameof(Title));
        ArgumentException.ThrowIfNullOrEmpty(LabelColumnName, nameof(LabelColumnName));
        ArgumentNullException.ThrowIfNull(PathColumnName, nameof(PathColumnName));
        ArgumentNullException.ThrowIfNull(Facts, nameof(Facts));
        ArgumentOutOfRangeException.ThrowIfNegative(Mistakes, nameof(Mistakes));
        ArgumentOutOfRangeException.ThrowIfNegative(HeatMaps, nameof(HeatMaps));
        ArgumentOutOfRangeException.ThrowIfNegative(Threads, nameof(Threads));
    }
}
