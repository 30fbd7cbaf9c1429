using Spectre.Console;

namespace Samples.Terminal;

/// <summary>The most probable classes of a picture.</summary>
internal static class Guesses
{
    private const int BarLength = 16, Shown = 3;

    /// <summary>A line of markup for each of the three most probable classes: probability, bar, name.</summary>
    /// <param name="probabilities">The model's scores, one for each class.</param>
    /// <param name="classNames">The classes, in the order of the scores.</param>
    public static IEnumerable<string> Lines(IEnumerable<float> probabilities, IReadOnlyList<string> classNames) =>
        probabilities.Select((probability, index) => (Probability: probability, Name: classNames[index]))
            .OrderByDescending(guess => guess.Probability).Take(Shown)
            .Select((guess, rank) => $"{guess.Probability,7:P1} {Bar(guess.Probability, rank == 0 ? "green" : "grey")} {guess.Name.EscapeMarkup()}");

    private static string Bar(float share, string colour)
    {
        int filled = (int)Math.Round(share * BarLength);
        return $"[{colour}]{new string('━', filled)}[/]{new string(' ', BarLength - filled)}";
    }
}
