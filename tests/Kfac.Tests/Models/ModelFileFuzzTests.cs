using System.Buffers.Binary;
using System.Text;
using Kfac.Fuzz;
using Kfac.Models;
using Kfac.Networks;

namespace Kfac.Tests.Models;

/// <summary>
/// Whatever happens to a model file, it loads as a model that predicts, trains, and is saved and exported, or ends in a
/// <see cref="FormatException"/>.
/// </summary>
[TestClass]
public sealed class ModelFileFuzzTests
{
    /// <summary>Mutations in a part of the long run.</summary>
    private const int InPart = 25_000;

    /// <summary>One in so many models is trained.</summary>
    private const int TrainedShare = 20;

    public TestContext TestContext { get; set; } = null!;

    /// <summary>Seeds of the parts of a million.</summary>
    public static IEnumerable<int> Parts => Enumerable.Range(101, 1_000_000 / InPart);

    [TestMethod]
    public void A_thousand_mutations_load_or_are_refused() => Run(mutations: 1_000, seed: 1, isTimed: false);

    [TestMethod]
    [TestCategory("Fuzz")]
    [DynamicData(nameof(Parts))]
    public void A_million_mutations_load_or_are_refused(int part) => Run(InPart, part, isTimed: true);

    private void Run(int mutations, int seed, bool isTimed)
    {
        byte[][] files = [ModelUse.Save(ModelFileTests.Model), ModelUse.Save(ModelFileTests.Model, withOptimizerState: true), .. OnnxExportTests.Networks.Select(network => ModelUse.Save(OnnxExportTests.Create(network.Spec)))];
        var random = new Random(seed);
        var limits = new LoadLimits(isTimed);
        var use = new ModelUse();
        int loaded = 0;
        for (int number = 0; number < mutations; number++)
        {
            byte[] mutant = Mutate(files[random.Next(files.Length)], random);
            string what = $"mutation {number} of seed {seed}";
            if (limits.TryLoad(mutant.Length, () => ImageClassifier.Load(new MemoryStream(mutant)), what, out ImageClassifier? model))
            {
                loaded++;
                use.Use(model!, loaded % TrainedShare == 0 ? ModelUse.Optimizers[loaded / TrainedShare % ModelUse.Optimizers.Count] : null, what);
            }
        }

        TestContext.WriteLine($"{mutations} mutations: {loaded} loaded and were saved; {use.Predicted} models, {use.Trained} of them trained on from these, predicted and were exported, {use.Diverged} trainings diverged; {limits}");

        // Both ends are reached, and often.
        Assert.IsGreaterThan(mutations / 50, loaded);
        Assert.IsGreaterThan(mutations / 4, mutations - loaded);
        Assert.IsGreaterThan(mutations / 100, use.Predicted);
        Assert.IsGreaterThan(0, use.Trained);
    }

    /// <summary>Damage anywhere in half of the files; in the others to the body, with lengths and checksum made good, so that it reaches the parser.</summary>
    private static byte[] Mutate(byte[] file, Random random)
    {
        if (random.Next(2) == 0)
        {
            return Mutations.OfBytes(file, random);
        }

        byte[] body = ChecksummedFile.Model.Body(file);
        if (random.Next(4) == 0)
        {
            return ChecksummedFile.Model.Seal(file, Mutations.OfBytes(body, random));
        }

        int description = BinaryPrimitives.ReadInt32LittleEndian(body), rest = sizeof(int) + description, notes = BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(rest));
        byte[] first = body[sizeof(int)..rest], second = body[(rest + sizeof(int))..(rest + sizeof(int) + notes)], others = body[(rest + sizeof(int) + notes)..];
        switch (random.Next(8))
        {
            case 0:
                second = Mutations.OfText(second, random);
                break;
            case 1:
                others = Mutations.OfBytes(others, random);
                break;
            case 2 or 3:
                first = Mutations.OfText(first, random);
                break;
            default:
                first = Encoding.UTF8.GetBytes(NetworkMutations.Of(Encoding.UTF8.GetString(first), random));
                others = random.Next(4) > 0 && TryFill(first) is { } filled ? filled : others;
                others = random.Next(4) == 0 ? Mutations.OfBytes(others, random) : others;
                break;
        }

        return ChecksummedFile.Model.Seal(file, [.. Length(first), .. first, .. Length(second), .. second, .. others]);
    }

    /// <summary>Scaling and parameters as the network of a description needs them; null where it is none, or a vast one.</summary>
    private static byte[]? TryFill(byte[] description)
    {
        try
        {
            var spec = NetworkSpec.FromJson(Encoding.UTF8.GetString(description));
            spec.RequireClassifier(nameof(spec));
            byte[]? body = SmallNetwork.IsSmall(spec) ? ChecksummedFile.Model.Body(ModelUse.Save(OnnxExportTests.Create(spec))) : null;
            return body?[(2 * sizeof(int) + BinaryPrimitives.ReadInt32LittleEndian(body) + "[]".Length)..];
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            return null;
        }
    }

    private static byte[] Length(byte[] bytes) => BitConverter.GetBytes(bytes.Length);
}
