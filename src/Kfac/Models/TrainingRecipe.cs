using System.Text.Json;
using System.Text.Json.Serialization;
using Kfac.Images;

namespace Kfac.Models;

/// <summary>What a training went by, as its model remembers it: also what was chosen where the options left it open.</summary>
/// <param name="Epochs">Passes over the training images that were planned, at least 1.</param>
/// <param name="BatchSize">Largest number of images in a step, at least 1.</param>
/// <param name="Augmentation">Random changes of the training images, in the words that <see cref="AugmentationOptions.Parse"/> takes.</param>
/// <param name="LabelSmoothing">ε of the label smoothing, in [0, 1).</param>
/// <param name="L2">Factor of the L2 term, 0 or more.</param>
/// <param name="WeightDecay">Decoupled weight decay, 0 or more; with K-FAC that of layers of the approximation that was asked for. 0 in models of versions that did not remember it.</param>
public sealed record TrainingRecipe(int Epochs, int BatchSize, string Augmentation, float LabelSmoothing, float L2, float WeightDecay = 0)
{
    private static readonly JsonSerializerOptions Format = new() { RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    /// <summary>A line for people, such as <c>12 epochs, batches of 128, augmentation none, label smoothing 0</c>.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Plural.Epochs(Epochs)}, batches of {BatchSize}, augmentation {Augmentation}, label smoothing {LabelSmoothing}{Unless0("L2", L2)}{Unless0("weight decay", WeightDecay)}");

    internal string ToJson() => JsonSerializer.Serialize(this, Format);

    /// <exception cref="FormatException">The text is not a recipe.</exception>
    internal static TrainingRecipe FromJson(string json)
    {
        TrainingRecipe? recipe;
        try
        {
            recipe = JsonSerializer.Deserialize<TrainingRecipe>(json, Format);
        }
        catch (JsonException e)
        {
            throw new FormatException($"the model's recipe cannot be read: {e.Message}", e);
        }

        return recipe is { Epochs: > 0, BatchSize: > 0, LabelSmoothing: >= 0 and < 1, L2: >= 0 and < float.PositiveInfinity, WeightDecay: >= 0 and < float.PositiveInfinity }
            ? recipe
            : throw new FormatException($"the model's recipe must have epochs and a batch size of at least 1, a label smoothing in [0, 1), an L2 and a weight decay of 0 or more, but is {recipe?.ToString() ?? "null"}");
    }

    private static string Unless0(string name, float value) => value == 0 ? "" : FormattableString.Invariant($", {name} {value:G4}");
}
