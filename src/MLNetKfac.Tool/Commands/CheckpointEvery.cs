using System.CommandLine.Parsing;
using System.Globalization;
using Kfac.Training;

namespace MLNetKfac.Tool.Commands;

/// <summary>The words of <c>--checkpoint-every</c>: a number with <c>s</c>, <c>m</c>, <c>h</c> or <c>e</c> behind it.</summary>
internal static class CheckpointEvery
{
    private const string Expected = "seconds, minutes, hours or epochs, such as 90s, 2m, 1h or 3e";

    /// <summary>Longest time between two checkpoints, in days.</summary>
    private const double MaxDays = 1000;

    private static readonly Dictionary<char, TimeSpan> Units = new()
    {
        ['s'] = TimeSpan.FromSeconds(1),
        ['m'] = TimeSpan.FromMinutes(1),
        ['h'] = TimeSpan.FromHours(1),
    };

    /// <summary>Reads the option's word; what cannot be read is an error of the command line.</summary>
    public static CheckpointInterval? Parse(ArgumentResult result)
    {
        string word = result.Tokens[^1].Value;
        CheckpointInterval? interval = Parse(word);
        if (interval is null)
        {
            result.AddError($"--checkpoint-every must be {Expected}, but is '{word}'");
        }

        return interval;
    }

    /// <summary>The interval that a word names; null where it names none.</summary>
    public static CheckpointInterval? Parse(string word)
    {
        if (word.Length < 2)
        {
            return null;
        }

        ReadOnlySpan<char> number = word.AsSpan(0, word.Length - 1);
        if (word[^1] == 'e')
        {
            return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int epochs) && epochs >= 1 ? CheckpointInterval.Epochs(epochs) : null;
        }

        return Units.TryGetValue(word[^1], out TimeSpan unit) && double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double count) && count * unit.TotalDays <= MaxDays
            ? CheckpointInterval.Time(count * unit)
            : null;
    }
}
