namespace Kfac.Models;

/// <summary>Names and layout of what an exported ONNX graph takes and gives. The names must differ from each other.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>Name of the input: the pixels in the unit of the training images, which the graph scales itself. Default <c>Features</c>.</summary>
    public string InputName { get; init; } = "Features";

    /// <summary>Whether the input is [N, C, H, W] and not [N, H, W, C]. Default false.</summary>
    public bool ChannelsFirst { get; init; }

    /// <summary>Name of the output [N, classes] of probabilities. Default <c>Score</c>.</summary>
    public string ScoreName { get; init; } = "Score";

    /// <summary>Name of the output [N, classes] of what the last layer gives, before temperature and softmax. Default <c>Logits</c>.</summary>
    public string LogitsName { get; init; } = "Logits";

    /// <summary>Name of the output [N] of the most probable class's index, from 0. Default <c>PredictedLabel</c>.</summary>
    public string PredictedLabelName { get; init; } = "PredictedLabel";

    /// <summary>A name for each class, in the order of the scores, for the file's metadata; null, the default, for none.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>Version of the model, as its author counts them; at least 0. Default 1.</summary>
    public long ModelVersion { get; init; } = 1;

    /// <summary>What the model is, in words; null, the default, for a line about its network.</summary>
    public string? Description { get; init; }

    internal void Validate(int classCount)
    {
        string[] names = [InputName, ScoreName, LogitsName, PredictedLabelName];
        if (names.Any(name => string.IsNullOrWhiteSpace(name) || name.StartsWith(OnnxGraph.OwnNames, StringComparison.Ordinal)) || names.Distinct(StringComparer.Ordinal).Count() < names.Length)
        {
            throw new ArgumentException($"the names of input and outputs must be four different ones that do not begin with '{OnnxGraph.OwnNames}', but are '{string.Join("', '", names)}'");
        }

        if (ClassNames is not null && (ClassNames.Count != classCount || ClassNames.Contains(null!)))
        {
            throw new ArgumentException($"{nameof(ClassNames)} must be {classCount} names, one for each class, but are {ClassNames.Count(name => name is not null)}");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(ModelVersion);
    }
}
