namespace MLNetKfac.Pictures;

/// <summary>Looks at every picture of a folder, on all processors.</summary>
internal static class FolderCheck
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(0.1);

    /// <summary>What a look at a picture gives: its upright size, or why it cannot be read.</summary>
    public readonly record struct Finding(PictureSize Size, string? Damage);

    /// <summary>A finding for each of the files.</summary>
    /// <param name="files">The files.</param>
    /// <param name="decodes">Whether pictures are decoded, or only their heads are read.</param>
    /// <param name="progress">Told how many are done.</param>
    public static Finding[] Run(IReadOnlyList<PictureFile> files, bool decodes, Action<int>? progress)
    {
        var findings = new Finding[files.Count];
        int done = 0;
        bool stopped = false;
        Task all = Task.Run(() => Parallel.For(0, findings.Length, (number, loop) =>
        {
            findings[number] = LookAt(files[number].Path, decodes);
            Interlocked.Increment(ref done);
            if (Volatile.Read(ref stopped))
            {
                loop.Stop();
            }
        }));
        try
        {
            while (!all.Wait(ReportInterval))
            {
                progress?.Invoke(Volatile.Read(ref done));
            }

            progress?.Invoke(findings.Length);
            return findings;
        }
        finally
        {
            Volatile.Write(ref stopped, true);
        }
    }

    private static Finding LookAt(string path, bool decodes)
    {
        try
        {
            return new Finding(PictureDecoder.Measure(path, decodes), Damage: null);
        }
        catch (Exception damage) when (damage is FormatException or IOException or UnauthorizedAccessException)
        {
            return new Finding(default, damage.Message);
        }
    }
}
