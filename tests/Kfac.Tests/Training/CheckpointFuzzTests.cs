using System.Text;
using Kfac.Fuzz;
using Kfac.Tests.Models;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>Whatever happens to a checkpoint, it is gone on with, or refused in words.</summary>
[TestClass]
public sealed class CheckpointFuzzTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Three_hundred_mutations_are_gone_on_with_or_refused() => Run(mutations: 300, seed: 1, isTimed: false);

    [TestMethod]
    [TestCategory("Fuzz")]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(5)]
    [DataRow(6)]
    public void Twenty_thousand_mutations_are_gone_on_with_or_refused(int seed) => Run(mutations: 20_000, seed, isTimed: true);

    private void Run(int mutations, int seed, bool isTimed)
    {
        using var interrupted = new InterruptedTrainings(pooling: 2);
        (TrainingOptions Options, byte[] File)[] trainings = [.. interrupted.Options.Select(options => (options, interrupted.Interrupt(options)))];
        var random = new Random(seed);
        var limits = new LoadLimits(isTimed);
        int loaded = 0, resumed = 0;
        for (int number = 0; number < mutations; number++)
        {
            (TrainingOptions options, byte[] file) = trainings[random.Next(trainings.Length)];
            byte[] mutant = Mutate(file, random);
            string what = $"mutation {number} of seed {seed}";
            if (limits.TryLoad(mutant.Length, () => Checkpoint.Read(new MemoryStream(mutant)), what, out Checkpoint? _))
            {
                loaded++;
                resumed += interrupted.Resumes(options, mutant, what) ? 1 : 0;
            }
        }

        TestContext.WriteLine($"{mutations} mutations: {loaded} loaded, {resumed} of them gone on with, the others refused; {limits}");
        Assert.IsGreaterThan(mutations / 50, loaded);
        Assert.IsGreaterThan(mutations / 50, mutations - loaded);
        Assert.IsGreaterThan(0, resumed);
    }

    /// <summary>Damage anywhere, or to texts or state with the checksum made good.</summary>
    private static byte[] Mutate(byte[] file, Random random)
    {
        if (random.Next(8) == 0)
        {
            return Mutations.OfBytes(file, random);
        }

        byte[] body = ChecksummedFile.Checkpoint.Body(file);
        using var reader = new BinaryReader(new MemoryStream(body));
        byte[] settings = Encoding.UTF8.GetBytes(reader.ReadString()), history = Encoding.UTF8.GetBytes(reader.ReadString()), state = body[(int)reader.BaseStream.Position..];
        switch (random.Next(8))
        {
            case 0:
                settings = Mutations.OfText(settings, random);
                break;
            case 1:
                history = Mutations.OfText(random.Next(4) == 0 ? [.. "[null]"u8] : history, random);
                break;
            case 2:
                body = Mutations.OfBytes(body, random);
                return ChecksummedFile.Checkpoint.Seal(file, body);
            case 3 or 4:
                state = WithOtherNumber(state, random);
                break;
            default:
                state = Mutations.OfBytes(state, random);
                break;
        }

        using var whole = new MemoryStream();
        using var writer = new BinaryWriter(whole);
        writer.Write(Encoding.UTF8.GetString(settings));
        writer.Write(Encoding.UTF8.GetString(history));
        writer.Write(state);
        writer.Flush();
        return ChecksummedFile.Checkpoint.Seal(file, whole.ToArray());
    }

    /// <summary>One of the entries that hold a single number gets another one.</summary>
    private static byte[] WithOtherNumber(byte[] state, Random random)
    {
        List<(int Type, int At)> numbers = [];
        for (int at = sizeof(int); at < state.Length;)
        {
            int type = state[at + 1 + state[at]], values = at + 2 + state[at] + sizeof(int), count = BitConverter.ToInt32(state, values - sizeof(int));
            if (count == 1 && type < 4)
            {
                numbers.Add((type, values));
            }

            at = values + count * (type switch { 1 or 3 => 8, 4 => 2, _ => 4 });
        }

        byte[] changed = [.. state];
        (int kind, int place) = numbers[random.Next(numbers.Count)];
        int number = random.Next(3) == 0 ? random.Next(int.MinValue, int.MaxValue) : random.Next(-2, 9);
        double real = random.Next(3) == 0 ? Math.Pow(10, random.Next(-40, 39)) * (random.Next(2) * 2 - 1) : number;
        byte[] value = kind switch { 0 => BitConverter.GetBytes((float)real), 1 => BitConverter.GetBytes(real), 2 => BitConverter.GetBytes(number), _ => BitConverter.GetBytes((long)number) };
        value.CopyTo(changed, place);
        return changed;
    }
}
