using System.Text;
using Kfac;
using Spectre.Console;

namespace FashionMnist;

/// <summary>An image in the terminal with the model's three best guesses beside it: two rows of pixels to a line, or shades of ink without colours.</summary>
internal static class Picture
{
    private const string Ink = " .:-=+*#%@";

    public static void Show(FashionItem item, ImageShape shape, FashionPrediction prediction, IReadOnlyList<string> classNames)
    {
        string[] guesses =
        [
            $"it is: {item.Label}",
            .. prediction.Score.Select((probability, index) => (probability, index))
                .OrderByDescending(guess => guess.probability).Take(3)
                .Select(guess => $"{guess.probability,7:P1}  {classNames[guess.index]}"),
            prediction.PredictedLabel == item.Label ? "right" : "wrong",
        ];
        bool colours = AnsiConsole.Profile.Capabilities.ColorSystem != ColorSystem.NoColors && !Console.IsOutputRedirected;
        int lines = (shape.Height + 1) / 2, firstGuess = Math.Max(0, (lines - guesses.Length) / 2);
        for (int line = 0; line < lines; line++)
        {
            StringBuilder row = new();
            for (int column = 0; column < shape.Width; column++)
            {
                byte above = Grey(item, shape, 2 * line, column), below = Grey(item, shape, 2 * line + 1, column);
                row.Append(colours ? $"[rgb({above},{above},{above}) on rgb({below},{below},{below})]▀[/]" : Ink[(above + below) * (Ink.Length - 1) / 510]);
            }

            string guess = line >= firstGuess && line - firstGuess < guesses.Length ? guesses[line - firstGuess] : "";
            AnsiConsole.MarkupLine($"  {row}   {guess.EscapeMarkup()}".TrimEnd());
        }

        AnsiConsole.WriteLine();
    }

    /// <summary>Mean of the pixel's channels; black below the image.</summary>
    private static byte Grey(FashionItem item, ImageShape shape, int row, int column) => row >= shape.Height
        ? (byte)0
        : (byte)item.Features.AsSpan((row * shape.Width + column) * shape.Channels, shape.Channels).ToArray().Average();
}
