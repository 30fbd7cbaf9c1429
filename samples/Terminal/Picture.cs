using System.Text;
using Spectre.Console;

namespace Samples.Terminal;

/// <summary>A picture in the terminal with lines of text beside it: two rows of pixels to a line, or shades of ink without colours.</summary>
internal static class Picture
{
    private const string Ink = " .:-=+*#%@";

    /// <param name="height">Rows of pixels.</param>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="pixel">The colour at a row and a column.</param>
    /// <param name="beside">Lines of Spectre.Console markup, shown halfway up the picture.</param>
    public static void Show(int height, int width, Func<int, int, Color> pixel, IReadOnlyList<string> beside)
    {
        bool colours = AnsiConsole.Profile.Capabilities.ColorSystem != ColorSystem.NoColors && !Console.IsOutputRedirected;
        int pictureLines = (height + 1) / 2, firstBeside = Math.Max(0, (pictureLines - beside.Count) / 2);
        for (int line = 0; line < Math.Max(pictureLines, beside.Count); line++)
        {
            StringBuilder row = new();
            for (int column = 0; column < width; column++)
            {
                Color above = At(2 * line, column), below = At(2 * line + 1, column);
                row.Append(colours
                    ? $"[rgb({above.R},{above.G},{above.B}) on rgb({below.R},{below.G},{below.B})]▀[/]"
                    : Ink[(Brightness(above) + Brightness(below)) * (Ink.Length - 1) / (2 * 3 * byte.MaxValue)]);
            }

            string text = line >= firstBeside && line - firstBeside < beside.Count ? beside[line - firstBeside] : "";
            AnsiConsole.MarkupLine($"  {row}   {text}".TrimEnd());
        }

        AnsiConsole.WriteLine();

        Color At(int row, int column) => row < height ? pixel(row, column) : Color.Black;

        static int Brightness(Color colour) => colour.R + colour.G + colour.B;
    }
}
