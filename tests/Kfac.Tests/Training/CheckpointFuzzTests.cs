using System.Security.Cryptography;
using System.Text;
using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Images;
using Kfac.Tests.Models;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>Whatever happens to a checkpoint, it is gone on with, or refused in words.</summary>
[TestClass]
public sealed class CheckpointFuzzTests
{
    private const int HeaderLength = 12, ChecksumLength = 32;

    private static readonly ImageSet Images = ImageSet.Of(SyntheticImages.Create(24, seed: 1)), Validation = ImageSet.Of(SyntheticImages.Create(9, seed: 2));

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public TestContext TestContext { get; set; } = null!;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

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
        (TrainingOptions Options, byte[] File)[] trainings = [.. Trainings().Select(options => (options, Interrupted(options)))];
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
                resumed += Resumes(options, mutant, what) ? 1 : 0;
            }
        }

        TestContext.WriteLine($"{mutations} mutations: {loaded} loaded, {resumed} of them gone on with, the others refused; {limits}");
        Assert.IsGreaterThan(mutations / 50, loaded);
        Assert.IsGreaterThan(mutations / 50, mutations - loaded);
        Assert.IsGreaterThan(0, resumed);
    }

    private bool Resumes(TrainingOptions options, byte[] file, string what)
    {
        Write(file);
        try
        {
            ImageClassifier model = new ImageClassifierTrainer(options).Fit(Images, Validation, previous: null);
            Assert.HasCount(2, model.History);
            Assert.IsTrue(model.Parameters.All(parameter => parameter.Values.ToArray().All(float.IsFinite)));
            Assert.IsTrue(model.History.All(report => report.TrainingAccuracy is >= 0 and <= 1 && report.Epochs == 2));
            return true;
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException or TrainingDivergedException)
        {
            return false;
        }
        catch (Exception e)
        {
            throw new AssertFailedException($"{what} ended in {e}", e);
        }
    }

    /// <summary>A training that was interrupted after the first of the two steps of its second epoch.</summary>
    private byte[] Interrupted(TrainingOptions options)
    {
        Write([]);
        Assert.ThrowsExactly<TimeoutException>(() => new ImageClassifierTrainer(options with { OnBatch = report => _ = report is { Epoch: 2, Batch: 2 } ? throw new TimeoutException() : 0 }).Fit(Images, Validation, previous: null));
        return File.ReadAllBytes(Directory.GetFiles(_folder, "*.kfac").Max()!);
    }

    private void Write(byte[] file)
    {
        Array.ForEach(Directory.GetFiles(_folder), File.Delete);
        if (file.Length > 0)
        {
            File.WriteAllBytes(Path.Combine(_folder, "checkpoint-000000001.kfac"), file);
        }
    }

    private TrainingOptions[] Trainings()
    {
        var options = new TrainingOptions
        {
            Network = NetworkSpec.For(8, 8, 1).MaxPool(2).Conv(2, 3).BatchNorm().Flatten().Dense(3),
            Epochs = 2,
            EarlyStopping = new EarlyStopping(),
            BatchSize = 12,
            Threads = 1,
            CheckpointPath = _folder,
            CheckpointEvery = CheckpointInterval.Time(TimeSpan.Zero),
        };
        return
        [
            options with { Optimizer = new AdamOptions() },
            options with { Optimizer = new KfacOptions { Approximation = FisherApproximation.Kronecker, InverseUpdatePeriod = 2, InverseDelay = 1, FactorUpdatePeriod = 1 } },
            options with { Optimizer = new KfacOptions { Approximation = FisherApproximation.Ekfac, DampingAdaptation = DampingAdaptation.LevenbergMarquardt } },
        ];
    }

    /// <summary>Damage anywhere, or to texts or state with the checksum made good.</summary>
    private static byte[] Mutate(byte[] file, Random random)
    {
        if (random.Next(8) == 0)
        {
            return Mutations.OfBytes(file, random);
        }

        byte[] body = file[HeaderLength..^ChecksumLength];
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
                return Seal([.. file[..HeaderLength], .. body]);
            case 3 or 4:
                state = WithOtherNumber(state, random);
                break;
            default:
                state = Mutations.OfBytes(state, random);
                break;
        }

        using var whole = new MemoryStream();
        using var writer = new BinaryWriter(whole);
        writer.Write(file.AsSpan(0, HeaderLength));
        writer.Write(Encoding.UTF8.GetString(settings));
        writer.Write(Encoding.UTF8.GetString(history));
        writer.Write(state);
        writer.Flush();
        return Seal(whole.ToArray());
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

    private static byte[] Seal(byte[] content) => [.. content, .. SHA256.HashData(content)];
}
