using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kfac.Models;

/// <summary>The reports of a training's epochs as text, as model files and checkpoints have them.</summary>
internal static class TrainingHistory
{
    /// <summary>A loss on the validation images may be infinite or NaN, and is then so on record. An entry that lacks a number is none.</summary>
    private static readonly JsonSerializerOptions Format = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, RespectRequiredConstructorParameters = true };

    public static string ToJson(IReadOnlyList<EpochReport> history) => JsonSerializer.Serialize(history, Format);

    /// <exception cref="FormatException">The text is not a history of epochs 1, 2, ….</exception>
    public static EpochReport[] FromJson(string json)
    {
        EpochReport[] history;
        try
        {
            history = JsonSerializer.Deserialize<EpochReport[]>(json, Format) ?? [];
        }
        catch (JsonException e)
        {
            throw new FormatException($"the training history cannot be read: {e.Message}", e);
        }

        for (int i = 0; i < history.Length; i++)
        {
            if (history[i]?.Epoch != i + 1)
            {
                throw new FormatException($"report {i + 1} of the training history is {(history[i] is { } report ? $"of epoch {report.Epoch}" : "missing")}");
            }
        }

        return history;
    }
}
