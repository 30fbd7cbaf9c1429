using System.Buffers.Binary;
using System.Security.Cryptography;
using Kfac.Models;

namespace Kfac.Tests.Models;

/// <summary>Whatever happens to a model file, it loads as a model that can be used and saved, or ends in a <see cref="FormatException"/>.</summary>
[TestClass]
public sealed class ModelFileFuzzTests
{
    private const int HeaderLength = 20, ChecksumLength = 32;

    [TestMethod]
    public void AThousandMutationsLoadOrAreRefused() => Run(mutations: 1_000, seed: 1, isTimed: false);

    [TestMethod]
    [TestCategory("Fuzz")]
    public void AHundredThousandMutationsLoadOrAreRefused() => Run(mutations: 100_000, seed: 2, isTimed: true);

    private static void Run(int mutations, int seed, bool isTimed)
    {
        byte[][] files = [Save(ModelFileTests.Model), Save(ModelFileTests.Model, withOptimizerState: true), .. OnnxExportTests.Networks.Select(network => Save(OnnxExportTests.Create(network.Spec)))];
        var random = new Random(seed);
        int loaded = 0;
        for (int number = 0; number < mutations; number++)
        {
            byte[] mutant = Mutate(files[random.Next(files.Length)], random);
            if (LoadLimits.TryLoad(mutant.Length, () => ImageClassifier.Load(new MemoryStream(mutant)), $"mutation {number} of seed {seed}", isTimed, out ImageClassifier? model))
            {
                loaded++;
                Use(model!);
            }
        }

        // Both ends are reached, and often.
        Assert.IsGreaterThan(mutations / 50, loaded);
        Assert.IsGreaterThan(mutations / 4, mutations - loaded);
    }

    /// <summary>A model that loads is a whole one: it comes back from a file, and classifies where its network is not vast.</summary>
    private static void Use(ImageClassifier model)
    {
        byte[] file = Save(model, withOptimizerState: true);
        CollectionAssert.AreEqual(file, Save(ImageClassifier.Load(new MemoryStream(file)), withOptimizerState: true));
        if (model.Spec.Shapes.Sum(shape => (long)shape.Size) + model.InputShape.Size < 20_000)
        {
            using ImagePredictor predictor = model.CreatePredictor();
            predictor.Predict(new float[model.InputShape.Size], new float[model.ClassCount]);
        }
    }

    /// <summary>Damage anywhere, or in one chunk of the body with lengths and checksum made good, so that it reaches the parser.</summary>
    private static byte[] Mutate(byte[] file, Random random)
    {
        if (random.Next(8) == 0)
        {
            return Mutations.OfBytes(file, random);
        }

        byte[] body = file[HeaderLength..^ChecksumLength];
        if (random.Next(3) == 0)
        {
            return Seal(file, Mutations.OfBytes(body, random));
        }

        int description = BinaryPrimitives.ReadInt32LittleEndian(body), rest = sizeof(int) + description, notes = BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(rest));
        byte[] first = body[sizeof(int)..rest], second = body[(rest + sizeof(int))..(rest + sizeof(int) + notes)], others = body[(rest + sizeof(int) + notes)..];
        switch (random.Next(4))
        {
            case 0:
                second = Mutations.OfText(second, random);
                break;
            case 1:
                others = Mutations.OfBytes(others, random);
                break;
            default:
                first = Mutations.OfText(first, random);
                break;
        }

        return Seal(file, [.. Length(first), .. first, .. Length(second), .. second, .. others]);
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
