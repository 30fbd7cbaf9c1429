using System.IO.Compression;
using System.Security.Cryptography;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Models;
using Microsoft.ML;
using MLNetKfac.ModelIO;
using MLNetKfac.Saving;
using MLNetKfac.Scoring;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary>A damaged model file ends in an <see cref="InvalidDataException"/>, and what it claims costs nothing.</summary>
[TestClass]
public sealed class PayloadTests
{
    /// <summary>What a refusal may cost: some chunks to read with, an exception's text, and a multiple of the file.</summary>
    private const long MaxAllocated = 32 << 20;

    private static readonly MLContext Context = new(seed: 1);

    private static readonly IDataView Data = Bars.Load(Context, 12, 1);

    private static readonly KfacImageClassificationTransformer Model = Context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
    {
        Network = NetworkSpec.For(Bars.Side, Bars.Side, 1).MaxPool(4).Flatten().Dense(Bars.Kinds.Length),
        Optimizer = new SgdOptions(),
        Epoch = 1,
    }).Fit(Data);

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Payloads_of_every_version_load()
    {
        string[] expected = Rows.Read(Model.Transform(Data));

        CollectionAssert.AreEqual(expected, Rows.Read(Load(1, Content()).Transform(Data)));
        CollectionAssert.AreEqual(expected, Rows.Read(Load(2, Seal(Content())).Transform(Data)));
        CollectionAssert.AreEqual(expected, Rows.Read(Load(3, Newest()).Transform(Data)));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void Payloads_that_are_too_short_or_too_long_are_reported_as_damaged(int version)
    {
        byte[] whole = version switch { 1 => Content(), 2 => Seal(Content()), _ => Newest() };
        for (int length = 0; length < whole.Length; length++)
        {
            StringAssert.Contains(Refused(version, whole[..length]), "damaged");
        }

        StringAssert.Contains(Refused(version, [.. whole, 0]), version == 2 ? "checksum" : "1 bytes follow its end");
        StringAssert.Contains(Refused(2, Seal([.. Content(), 0])), "1 bytes follow its end");
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    public void A_flipped_bit_anywhere_is_noticed(int version)
    {
        byte[] whole = version == 2 ? Seal(Content()) : Newest();
        for (int at = 0; at < whole.Length; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= (byte)(1 << (at % 8));
            StringAssert.Contains(Refused(version, damaged), "damaged");
        }
    }

    [TestMethod]
    [DataRow(4)]
    [DataRow(0)]
    [DataRow(-1)]
    [DataRow(int.MaxValue)]
    public void Any_other_version_is_refused_with_the_versions_found_and_supported(int version)
    {
        string message = Refused(version, Newest());

        StringAssert.Contains(message, $"in version {version}");
        StringAssert.Contains(message, "reads versions 1 to 3");
    }

    [TestMethod]
    public void A_vast_number_of_labels_is_refused_before_they_are_read()
    {
        // The three labels, each with its length before it, are the last thing before the network; their number is before them.
        byte[] content = Content();
        int number = content.AsSpan().IndexOf("KFACNET\n"u8) - Bars.Kinds.Sum(kind => kind.Length + 1) - sizeof(int);
        byte[] vast = [.. content[..number], .. BitConverter.GetBytes(1 << 25), .. new byte[1 << 25], .. content[(number + sizeof(int))..]];
        long before = GC.GetAllocatedBytesForCurrentThread();

        string message = Refused(1, vast);

        StringAssert.Contains(message, "the label must be a key of 1 to 1000000 values, as MapValueToKey makes of text and numbers, but is one of 33554432");
        Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before - vast.Length);
    }

    [TestMethod]
    public void A_thousand_mutations_load_or_are_refused() => Fuzz(mutations: 1_000, seed: 1);

    [TestMethod]
    [TestCategory("Fuzz")]
    public void A_hundred_thousand_mutations_load_or_are_refused() => Fuzz(mutations: 100_000, seed: 2);

    [TestMethod]
    public void Damage_in_a_model_file_is_reported_by_Load()
    {
        byte[] record = Entry(SaveModel());
        byte[] flipped = [.. record], newer = [.. record];
        flipped[^100] ^= 4;
        int version = newer.AsSpan().IndexOf("KfacImageClassification"u8) + TransformerRecord.Kind.Length;
        newer[version] = 9;

        StringAssert.Contains(LoadRefused(flipped), "checksum");
        StringAssert.Contains(LoadRefused(newer), "in version 9, but MLNetKfac");
    }

    [TestMethod]
    [DataRow(false, false)]
    [DataRow(false, true)]
    [DataRow(true, false)]
    [DataRow(true, true)]
    public void Models_are_saved_to_files_and_streams_with_and_without_a_schema(bool toFile, bool withSchema)
    {
        using var folder = new TemporaryFolder();
        DataViewSchema? schema = withSchema ? Data.Schema : null, loadedSchema;
        ITransformer loaded;
        if (toFile)
        {
            Context.Model.Save(Model, schema, folder.File("model.zip"));
            loaded = new MLContext().Model.Load(folder.File("model.zip"), out loadedSchema);
        }
        else
        {
            using var stream = new MemoryStream();
            Context.Model.Save(Model, schema, stream);
            stream.Position = 0;
            loaded = new MLContext().Model.Load(stream, out loadedSchema);
        }

        CollectionAssert.AreEqual(Rows.Read(Model.Transform(Data)), Rows.Read(loaded.Transform(Data)));
        Assert.AreEqual(withSchema, loadedSchema is not null);
        Assert.IsInstanceOfType<KfacImageClassificationTransformer>(loaded as KfacImageClassificationTransformer ?? ((IEnumerable<ITransformer>)loaded).Single());
    }

    [TestMethod]
    public void Scores_that_are_no_numbers_give_no_label()
    {
        // The last two arrays are the weights [4, 3] and the bias [3] of the dense layer; the network's checksum follows them.
        byte[] content = Content();
        int network = content.AsSpan().IndexOf("KFACNET\n"u8), weights = content.Length - SHA256.HashSizeInBytes - (sizeof(int) + 3 * sizeof(float)) - 12 * sizeof(float);
        for (int i = 0; i < 12; i++)
        {
            BitConverter.TryWriteBytes(content.AsSpan(weights + i * sizeof(float)), float.MaxValue);
        }

        SHA256.HashData(content.AsSpan(network..^SHA256.HashSizeInBytes)).CopyTo(content.AsSpan(^SHA256.HashSizeInBytes..));

        CollectionAssert.Contains(Rows.Read(Load(1, content).Transform(Data), "PredictedLabel", "Score"), "0 | ffc00000 ffc00000 ffc00000");
    }

    private void Fuzz(int mutations, int seed)
    {
        byte[] content = Content();
        var random = new Random(seed);
        int loaded = 0, refused = 0;
        for (int number = 0; number < mutations; number++)
        {
            // The columns and labels are the front; the rest has a checksum of its own and a test of its own.
            int front = content.AsSpan().IndexOf("KFACNET\n"u8);
            byte[] mutant = random.Next(4) == 0 ? Mutations.OfBytes(content, random) : [.. Mutations.OfBytes(content[..front], random), .. content[front..]];
            long before = GC.GetAllocatedBytesForCurrentThread();
            ScoringModel model;
            try
            {
                model = TransformerPayload.Read(2, Seal(mutant));
                loaded++;
            }
            catch (InvalidDataException)
            {
                refused++;
                continue;
            }
            catch (Exception e)
            {
                throw new AssertFailedException($"mutation {number} of seed {seed} ended in {e.GetType()}", e);
            }
            finally
            {
                Assert.IsLessThan(MaxAllocated, GC.GetAllocatedBytesForCurrentThread() - before, $"mutation {number} of seed {seed}");
            }

            using var again = new MemoryStream();
            TransformerPayload.Write(model, again);
            Assert.IsNotNull(TransformerPayload.Read(TransformerPayload.Version, again.ToArray()));
        }

        TestContext.WriteLine($"{mutations} mutations: {loaded} loaded and were saved, {refused} refused");

        // Both ends are reached, and often.
        Assert.IsGreaterThan(mutations / 20, loaded);
        Assert.IsGreaterThan(mutations / 4, refused);
    }

    /// <summary>The payload as it was in version 1: without checksum.</summary>
    private static byte[] Content()
    {
        (ReadOnlyMemory<byte> front, ReadOnlyMemory<byte> network) = ChecksummedPayload.ReadFront(Newest());
        return [.. front.Span, .. network.Span];
    }

    private static byte[] Newest()
    {
        using var stream = new MemoryStream();
        Context.Model.Save(Model, null, stream);
        byte[] entry = Entry(stream.ToArray());
        using var reader = new BinaryReader(new MemoryStream(entry));
        reader.BaseStream.Position = entry.AsSpan().IndexOf("KfacImageClassification"u8) - 1;
        return TransformerRecord.ReadFrom(reader).Payload.ToArray();
    }

    private static byte[] Seal(byte[] content) => [.. content, .. SHA256.HashData(content)];

    private static KfacImageClassificationTransformer Load(int version, byte[] payload) => new(TransformerPayload.Read(version, payload));

    private static string Refused(int version, byte[] payload) => Assert.ThrowsExactly<InvalidDataException>(() => Load(version, payload)).Message;

    private static byte[] SaveModel()
    {
        using var stream = new MemoryStream();
        Context.Model.Save(Model, Data.Schema, stream);
        return stream.ToArray();
    }

    /// <summary>The entry of the transformer in a model file.</summary>
    private static byte[] Entry(byte[] model)
    {
        using var archive = new ZipArchive(new MemoryStream(model));
        return archive.Entries.Select(Read).Single(IsTransformer);
    }

    /// <summary>What <c>Load</c> says of a model file whose transformer's entry is another.</summary>
    private static string LoadRefused(byte[] entry)
    {
        using var damaged = new MemoryStream();
        using (var from = new ZipArchive(new MemoryStream(SaveModel())))
        using (var to = new ZipArchive(damaged, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (ZipArchiveEntry each in from.Entries)
            {
                byte[] bytes = Read(each);
                using Stream copy = to.CreateEntry(each.FullName).Open();
                copy.Write(IsTransformer(bytes) ? entry : bytes);
            }
        }

        Exception error = Assert.Throws<Exception>(() => new MLContext().Model.Load(damaged, out _));
        while (error is not InvalidDataException)
        {
            error = error.InnerException ?? throw new AssertFailedException(error.ToString());
        }

        return error.Message;
    }

    private static byte[] Read(ZipArchiveEntry entry)
    {
        using var bytes = new MemoryStream();
        using Stream stream = entry.Open();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static bool IsTransformer(byte[] entry) => entry.AsSpan().IndexOf("KFACNET\n"u8) >= 0;
}
