using System.Globalization;

namespace MLNetKfac.Tool.Terminal;

/// <summary>The parts of a line that tells how far something is.</summary>
internal static class ProgressBar
{
    /// <summary>A bar of markup, <paramref name="length"/> columns long.</summary>
    /// <param name="share">How much of it is filled, 0 … 1.</param>
    /// <param name="length">Columns.</param>
    public static string Of(double share, int length)
    {
        int filled = Math.Clamp((int)Math.Round(share * length), 0, length);
        return $"[green]{new string('━', filled)}[/][grey]{new string('─', length - filled)}[/]";
    }

    /// <summary>Minutes and seconds, with hours where there are any.</summary>
    public static string Time(double seconds)
    {
        TimeSpan time = TimeSpan.FromSeconds(Math.Clamp(seconds, 0, TimeSpan.MaxValue.TotalSeconds / 2));
        return time.TotalHours >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours}:{time:mm\\:ss}")
            : string.Create(CultureInfo.InvariantCulture, $"{time:m\\:ss}");
    }
}
