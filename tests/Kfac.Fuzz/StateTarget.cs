namespace Kfac.Fuzz;

/// <summary>The state of an optimizer or a training, as it stands in model files and checkpoints. What is read is written with the same bytes.</summary>
internal sealed class StateTarget : FuzzTarget
{
    private readonly LoadLimits _limits = new(isTimed: false);

    public override FuzzOutcome Run(byte[] file, string what)
    {
        using var stream = new MemoryStream(file, writable: false);
        if (!_limits.TryLoad(file.Length, () => StateDictionary.Read(stream), what, out StateDictionary? state))
        {
            return FuzzOutcome.Refused;
        }

        return Write(state!).AsSpan().SequenceEqual(file.AsSpan(0, (int)stream.Position))
            ? FuzzOutcome.Used
            : throw new InvalidOperationException($"{what} is read, but written with other bytes");
    }

    public override IEnumerable<(string Name, byte[] File)> Seeds()
    {
        yield return ("every-type", Write(StateDictionary.Capture(state =>
        {
            bool flag = true;
            string? text = "of two words";
            state.CaptureOrRestore("single", [1f, 2f]);
            state.CaptureOrRestore("double", [0.5]);
            state.CaptureOrRestore("integer", [3, 4]);
            state.CaptureOrRestore("long", [5L]);
            state.CaptureOrRestore("flag", ref flag);
            state.CaptureOrRestore("text", ref text);
        })));
        yield return ("empty", Write(StateDictionary.Capture(_ => { })));
    }

    private static byte[] Write(StateDictionary state)
    {
        using var stream = new MemoryStream();
        state.Write(stream);
        return stream.ToArray();
    }
}
