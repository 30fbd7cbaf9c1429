namespace Kfac.Fuzz;

/// <summary>The files of a folder, run one after the other.</summary>
/// <param name="Files">Their number.</param>
/// <param name="Refused">So many of them were refused.</param>
/// <param name="Read">So many were read and not used.</param>
/// <param name="Used">So many were read and used.</param>
public sealed record Corpus(int Files, int Refused, int Read, int Used)
{
    /// <summary>Runs a target on every file of a folder.</summary>
    /// <exception cref="InvalidOperationException">A file ends in what it may not end in; the message names the file.</exception>
    public static Corpus Run(FuzzTarget target, string folder)
    {
        ArgumentNullException.ThrowIfNull(target);
        var counts = new int[Enum.GetValues<FuzzOutcome>().Length];
        foreach (string path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(path);
            try
            {
                counts[(int)target.Run(File.ReadAllBytes(path), name)]++;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{name} ends in {e}", e);
            }
        }

        return new Corpus(counts.Sum(), counts[(int)FuzzOutcome.Refused], counts[(int)FuzzOutcome.Read], counts[(int)FuzzOutcome.Used]);
    }
}
