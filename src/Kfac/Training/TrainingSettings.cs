using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;

namespace Kfac.Training;

/// <summary>
/// Everything outside a training that its bits depend on, by name and as text: options, network, data, and the model it goes on
/// from. A checkpoint serves a training that has the same.
/// </summary>
internal static class TrainingSettings
{
    /// <summary>Another one may compute other bits, and is worth a warning.</summary>
    private const string Code = "the version of Kfac";

    /// <summary>Longest value in a message.</summary>
    private const int MaxShown = 200;

    /// <summary>Most characters before the first that differs.</summary>
    private const int MaxSameShown = 50;

    /// <summary>Options that change no bit, or are described otherwise.</summary>
    internal static readonly string[] LeftOut =
    [
        nameof(TrainingOptions.Network), nameof(TrainingOptions.Threads), nameof(TrainingOptions.OnCancellation),
        nameof(TrainingOptions.OnCurvature), nameof(TrainingOptions.OnEpoch), nameof(TrainingOptions.OnBatch), nameof(TrainingOptions.OnWarning), nameof(TrainingOptions.OnInfo),
        nameof(TrainingOptions.CheckpointPath), nameof(TrainingOptions.CheckpointEvery),
        nameof(TrainingOptions.Communicator),
        nameof(TrainingOptions.TrainingMemory), // decides on the batch size alone, which a checkpoint names
    ];

    public static Dictionary<string, string> Describe(TrainingOptions options, NetworkSpec network, ImageSet training, ImageSet? validation, ImageClassifier? previous)
    {
        Dictionary<string, string> settings = DescribeOptions(options, network);
        settings["the training images"] = training.Describe();
        settings["the validation images"] = validation?.Describe() ?? "none";
        settings["the previous model"] = previous is null ? "none" : $"one of {previous.History.Count} epochs, {Hash(previous.Store.Values.Span)}";
        return settings;
    }

    /// <summary>The same without the data and the model, which nobody reads for it.</summary>
    public static Dictionary<string, string> DescribeOptions(TrainingOptions options, NetworkSpec network)
    {
        var settings = new Dictionary<string, string>
        {
            [Code] = typeof(TrainingSettings).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
            [nameof(TrainingOptions.Network)] = network.ToJson(),
        };
        foreach (PropertyInfo option in Properties(options).Where(option => !LeftOut.Contains(option.Name)))
        {
            Add(settings, option.Name, option.GetValue(options));
        }

        return settings;
    }

    /// <param name="begun">Those of the checkpoint.</param>
    /// <param name="present">Those of the training that is to go on with it.</param>
    /// <param name="checkpoint">Path of the checkpoint.</param>
    /// <param name="warn">Told where only the library is another.</param>
    /// <exception cref="ArgumentException">They differ; the message names what, and both values.</exception>
    public static void RequireSame(IReadOnlyDictionary<string, string> begun, IReadOnlyDictionary<string, string> present, string checkpoint, Action<string> warn)
    {
        string[] different = [.. present.Keys.Union(begun.Keys).Where(name => name != Code && begun.GetValueOrDefault(name) != present.GetValueOrDefault(name)).Order(StringComparer.Ordinal)];
        if (different.Length > 0)
        {
            string others = different.Length > 1 ? $" ({string.Join(", ", different.Skip(1).Take(10).Select(Clip))} differ too)" : "";
            (string before, string now) = ClipAlike(begun.GetValueOrDefault(different[0]) ?? "none", present.GetValueOrDefault(different[0]) ?? "none");
            throw new ArgumentException(
                $"{checkpoint} is of a training with another {Clip(different[0])}: {before}, now {now}{others}. Give the same options and data to go on with it, or another {nameof(TrainingOptions.CheckpointPath)} to train from the start",
                nameof(TrainingOptions.CheckpointPath));
        }

        if (begun.GetValueOrDefault(Code) != present[Code])
        {
            warn($"{checkpoint} was written by version {Clip(begun.GetValueOrDefault(Code))} of Kfac, this is {present[Code]}: the training goes on, but its bits may be others than those of an uninterrupted one");
        }
    }

    private static void Add(Dictionary<string, string> settings, string name, object? value)
    {
        switch (value)
        {
            case null:
                settings[name] = "none";
                break;
            case Delegate code:
                settings[name] = code.Method.Name;
                break;
            case bool or string or IFormattable or MemberInfo:
                settings[name] = Text(value);
                break;
            case IReadOnlyDictionary<string, float[]> parameters:
                settings[name] = string.Join(", ", parameters.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} {Hash(pair.Value)}"));
                break;
            case IDictionary map:
                settings[name] = string.Join(", ", map.Keys.Cast<object>().Select(key => $"{key} = {Text(map[key])}").Order(StringComparer.Ordinal));
                break;
            case IEnumerable values:
                settings[name] = string.Join(", ", values.Cast<object?>().Select(Text));
                break;
            default:
                settings[name] = value.GetType().Name;
                foreach (PropertyInfo property in Properties(value))
                {
                    Add(settings, $"{name}.{property.Name}", property.GetValue(value));
                }

                break;
        }
    }

    private static IEnumerable<PropertyInfo> Properties(object value) =>
        value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanRead && property.GetIndexParameters().Length == 0);

    private static string Text(object? value) => value is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : value?.ToString() ?? "none";

    private static string Clip(string? text) => text is null ? "none" : text.Length <= MaxShown ? text : $"{text[..MaxShown]}…";

    /// <summary>Two different texts, each cut to where they begin to differ.</summary>
    private static (string First, string Second) ClipAlike(string first, string second)
    {
        int same = Math.Max(0, first.AsSpan().CommonPrefixLength(second) - MaxSameShown);
        return first.Length <= MaxShown && second.Length <= MaxShown || same == 0
            ? (Clip(first), Clip(second))
            : ($"…{Clip(first[same..])}", $"…{Clip(second[same..])}");
    }

    private static string Hash(ReadOnlySpan<float> values) => Convert.ToHexStringLower(SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values)));
}
