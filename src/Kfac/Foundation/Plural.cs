namespace Kfac;

/// <summary>Numbers of things in sentences.</summary>
internal static class Plural
{
    /// <summary>The number and the word for one epoch or for another number of them.</summary>
    public static string Epochs(int count, string kind = "") => FormattableString.Invariant($"{count} {kind}{(count == 1 ? "epoch" : "epochs")}");
}
