using Kfac.Training;

namespace Kfac.Fuzz;

/// <summary>
/// Checkpoints: as they are, and once more with the checksum made good. What is read is gone on with under the settings of each
/// training in turn, so that a kept file serves other versions of the library, too.
/// </summary>
internal sealed class CheckpointTarget : FuzzTarget
{
    private readonly LoadLimits _limits = new(isTimed: false);
    private readonly InterruptedTrainings _trainings = new(pooling: 4);
    private readonly byte[][] _seeds;
    private readonly IReadOnlyDictionary<string, string>[] _settings;

    public CheckpointTarget()
    {
        _seeds = [.. _trainings.Options.Select(_trainings.Interrupt)];
        _settings = [.. _seeds.Select(seed => Checkpoint.Read(new MemoryStream(seed)).Settings)];
    }

    public override FuzzOutcome Run(byte[] file, string what)
    {
        Checkpoint? checkpoint = Load(file, what) ?? (ChecksummedFile.Checkpoint.Repair(file) is { } repaired ? Load(repaired, what) : null);
        if (checkpoint is null)
        {
            return FuzzOutcome.Refused;
        }

        for (int i = 0; i < _settings.Length; i++)
        {
            if (_trainings.Resumes(_trainings.Options[i], Write(checkpoint with { Settings = _settings[i] }), what))
            {
                return FuzzOutcome.Used;
            }
        }

        return FuzzOutcome.Read;
    }

    /// <summary>Without settings: the target has those of the trainings.</summary>
    public override IEnumerable<(string Name, byte[] File)> Seeds() =>
        _seeds.Select((seed, i) => ($"training{i}", Write(Checkpoint.Read(new MemoryStream(seed)) with { Settings = new Dictionary<string, string> { ["Seed"] = "1" } })));

    public override void Dispose()
    {
        _trainings.Dispose();
        base.Dispose();
    }

    private Checkpoint? Load(byte[] file, string what) =>
        _limits.TryLoad(file.Length, () => Checkpoint.Read(new MemoryStream(file)), what, out Checkpoint? checkpoint) ? checkpoint : null;

    private static byte[] Write(Checkpoint checkpoint)
    {
        using var stream = new MemoryStream();
        checkpoint.Write(stream);
        return stream.ToArray();
    }
}
