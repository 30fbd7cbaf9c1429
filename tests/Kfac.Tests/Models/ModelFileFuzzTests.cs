using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Networks;
using Kfac.Training;

namespace Kfac.Tests.Models;

/// <summary>
/// Whatever happens to a model file, it loads as a model that predicts, trains, and is saved and exported, or ends in a
/// <see cref="FormatException"/>.
/// </summary>
[TestClass]
public sealed class ModelFileFuzzTests
{
    private const int HeaderLength = 20, ChecksumLength = 32;

    /// <summary>Mutations in a part of the long run.</summary>
    private const int InPart = 25_000;

    /// <summary>One in so many models is trained.</summary>
    private const int TrainedShare = 20;

    private static readonly OptimizerOptions[] Optimizers = [new SgdOptions(), new AdamOptions(), new MuonOptions(), new KfacOptions()];

    private int _predicted, _trained, _diverged;

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
        byte[][] files = [Save(ModelFileTests.Model), Save(ModelFileTests.Model, withOptimizerState: true), .. OnnxExportTests.Networks.Select(network => Save(OnnxExportTests.Create(network.Spec)))];
        var random = new Random(seed);
        var limits = new LoadLimits(isTimed);
        int loaded = 0;
        for (int number = 0; number < mutations; number++)
        {
            byte[] mutant = Mutate(files[random.Next(files.Length)], random);
            string what = $"mutation {number} of seed {seed}";
            if (limits.TryLoad(mutant.Length, () => ImageClassifier.Load(new MemoryStream(mutant)), what, out ImageClassifier? model))
            {
                loaded++;
                Use(model!, loaded, what);
            }
        }

        TestContext.WriteLine($"{mutations} mutations: {loaded} loaded and were saved; {_predicted} models, {_trained} of them trained on from these, predicted and were exported, {_diverged} trainings diverged; {limits}");

        // Both ends are reached, and often.
        Assert.IsGreaterThan(mutations / 50, loaded);
        Assert.IsGreaterThan(mutations / 4, mutations - loaded);
        Assert.IsGreaterThan(mutations / 100, _predicted);
        Assert.IsGreaterThan(0, _trained);
    }

    /// <summary>A model that loads is a whole one: it comes back from a file, and is good for everything where its network is not vast.</summary>
    private void Use(ImageClassifier model, int number, string what)
    {
        try
        {
            byte[] file = Save(model, withOptimizerState: true);
            CollectionAssert.AreEqual(file, Save(ImageClassifier.Load(new MemoryStream(file)), withOptimizerState: true));
            if (RandomNetwork.IsSmall(model.Spec))
            {
                Predict(model);
                if (number % TrainedShare == 0)
                {
                    Predict(Train(model, Optimizers[number / TrainedShare % Optimizers.Length]));
                }
            }
        }
        catch (TrainingDivergedException)
        {
            _diverged++;
        }
        catch (Exception e)
        {
            throw new AssertFailedException($"{what} loads, but ends in {e}", e);
        }
    }

    private void Predict(ImageClassifier model)
    {
        using (ImagePredictor predictor = model.CreatePredictor())
        {
            predictor.Predict(new float[model.InputShape.Size], new float[model.ClassCount]);
        }

        using var stream = new MemoryStream();
        model.ExportToOnnx(stream);
        Assert.IsGreaterThan(sizeof(float) * model.Parameters.Sum(parameter => parameter.Length), (int)stream.Length);
        _predicted++;
    }

    private ImageClassifier Train(ImageClassifier model, OptimizerOptions optimizer)
    {
        var images = new MemoryImageSource(model.InputShape, model.ClassCount);
        var random = new Random(1);
        for (int n = 0; n < 4; n++)
        {
            images.Add([.. Enumerable.Range(0, model.InputShape.Size).Select(_ => random.NextSingle())], n % model.ClassCount);
        }

        ImageClassifier trained = new ImageClassifierTrainer(new TrainingOptions { Optimizer = optimizer, Epochs = 1, BatchSize = 2, Threads = 1 }).Fit(ImageSet.Of(images), null, model);
        Assert.HasCount(model.History.Count + 1, trained.History);
        _trained++;
        return trained;
    }

    /// <summary>Damage anywhere in half of the files; in the others to the body, with lengths and checksum made good, so that it reaches the parser.</summary>
    private static byte[] Mutate(byte[] file, Random random)
    {
        if (random.Next(2) == 0)
        {
            return Mutations.OfBytes(file, random);
        }

        byte[] body = file[HeaderLength..^ChecksumLength];
        if (random.Next(4) == 0)
        {
            return Seal(file, Mutations.OfBytes(body, random));
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

        return Seal(file, [.. Length(first), .. first, .. Length(second), .. second, .. others]);
    }

    /// <summary>Scaling and parameters as the network of a description needs them; null where it is none, or a vast one.</summary>
    private static byte[]? TryFill(byte[] description)
    {
        try
        {
            var spec = NetworkSpec.FromJson(Encoding.UTF8.GetString(description));
            spec.RequireClassifier(nameof(spec));
            byte[]? body = RandomNetwork.IsSmall(spec) ? Save(OnnxExportTests.Create(spec))[HeaderLength..^ChecksumLength] : null;
            return body?[(2 * sizeof(int) + BinaryPrimitives.ReadInt32LittleEndian(body) + "[]".Length)..];
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            return null;
        }
    }

    private static byte[] Seal(byte[] file, byte[] body)
    {
        byte[] whole = [.. file[..HeaderLength], .. body];
        BinaryPrimitives.WriteInt64LittleEndian(whole.AsSpan(HeaderLength - sizeof(long)), body.Length);
        return [.. whole, .. SHA256.HashData(whole)];
    }

    private static byte[] Length(byte[] bytes) => BitConverter.GetBytes(bytes.Length);

    private static byte[] Save(ImageClassifier model, bool withOptimizerState = false)
    {
        using var stream = new MemoryStream();
        model.Save(stream, withOptimizerState);
        return stream.ToArray();
    }
}
