using Kfac.Fuzz;
using SharpFuzz;

// Kfac.Fuzz TARGET: runs a target under AFL++, or once on standard input.
// Kfac.Fuzz TARGET FOLDER: runs it on every file of a folder.
// Kfac.Fuzz seeds FOLDER: writes valid files to FOLDER/TARGET.
switch (args)
{
    case ["seeds", string folder]:
        WriteSeeds(folder);
        break;
    case [string name, string folder] when FuzzTarget.Names.Contains(name):
        using (var target = FuzzTarget.Create(name))
        {
            Console.WriteLine(Corpus.Run(target, folder));
        }

        break;
    case [string name] when FuzzTarget.Names.Contains(name):
        Fuzz(name);
        break;
    default:
        throw new ArgumentException($"seeds FOLDER, or one of {string.Join(", ", FuzzTarget.Names)}, alone or with a FOLDER, was expected, but {string.Join(' ', args)} came");
}

static void WriteSeeds(string folder)
{
    foreach (string name in FuzzTarget.Names)
    {
        using var target = FuzzTarget.Create(name);
        string place = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        foreach ((string seed, byte[] bytes) in target.Seeds())
        {
            File.WriteAllBytes(Path.Combine(place, seed), bytes);
        }
    }
}

static void Fuzz(string name)
{
    // Instrumented code may not run before the fuzzer has given it memory for its trace.
    FuzzTarget? target = null;
    try
    {
        Fuzzer.OutOfProcess.Run(stream =>
        {
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            target ??= FuzzTarget.Create(name);
            target.Run(bytes.ToArray(), "standard input");
        });
    }
    finally
    {
        target?.Dispose();
    }
}
