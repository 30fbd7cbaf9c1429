using Kfac.Optimizers;
using Kfac.Tests.Foundation;
using Kfac.Training;
using Microsoft.ML;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary>Nothing is lost: trainings go on where they were interrupted, and files are whole.</summary>
[TestClass]
public sealed class CheckpointTests
{
    /// <summary>Whatever the number of epochs.</summary>
    private static readonly KfacOptions SameDecay = new() { WeightDecay = 0.4f };

    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void An_interrupted_Fit_goes_on_and_ends_with_the_same_bits()
    {
        using var folder = new TemporaryFolder();
        IDataView rows = Bars.Load(_context, 60, 1);
        string[] expected = Scores(Fit(rows, folder.File("whole")), rows);

        Assert.ThrowsExactly<TimeoutException>(() => Fit(rows, folder.File("parts"), failsAfter: 14));
        int steps = 0;
        KfacImageClassificationTransformer resumed = Fit(rows, folder.File("parts"), _ => steps++);

        CollectionAssert.AreEqual(expected, Scores(resumed, rows));
        Assert.AreEqual((6 - 3) * 4, steps, "three epochs of four steps were done");
        CollectionAssert.AreEqual(expected, Scores(Fit(rows, folder.File("parts"), _ => Assert.Fail("the training had ended")), rows));
    }

    [TestMethod]
    public void Other_rows_are_refused()
    {
        using var folder = new TemporaryFolder();
        Fit(Bars.Load(_context, 60, 1), folder.File("checkpoints"));

        string message = Assert.ThrowsExactly<ArgumentException>(() => Fit(Bars.Load(_context, 60, 2), folder.File("checkpoints"))).Message;

        StringAssert.Contains(message, "is of a training with another the training images: 60 images of 8x8x1 in 3 classes");
        StringAssert.Contains(message, "another CheckpointPath to train from the start");
    }

    [TestMethod]
    public void Two_epochs_and_two_more_from_a_file_are_four()
    {
        using var folder = new TemporaryFolder();
        IDataView rows = Bars.Load(_context, 60, 1);
        KfacImageClassificationTransformer Train(int epochs, KfacImageClassificationTransformer? previous = null) => _context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
        {
            Network = Bars.Network,
            LearningRateScheduler = LearningRateSchedule.Constant,
            Optimizer = SameDecay,
            Epoch = epochs,
            BatchSize = 16,
            Seed = 1,
            Threads = 1,
            SaveOptimizerState = true,
        }).Fit(rows, validationData: null, previous);
        _context.Model.SaveAtomically(Train(2), rows.Schema, folder.File("model.zip"));
        _context.Model.SaveAtomically(_context.Model.Load(folder.File("model.zip"), out _), rows.Schema, folder.File("again.zip"));

        KfacImageClassificationTransformer loaded = KfacImageClassificationTransformer.FindIn(_context.Model.Load(folder.File("again.zip"), out _));

        CollectionAssert.AreEqual(Scores(Train(4), rows), Scores(Train(2, loaded), rows));
    }

    [TestMethod]
    public void A_save_that_fails_leaves_the_old_file()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("model.zip");
        IDataView rows = Bars.Load(_context, 60, 1);
        ITransformer model = _context.Transforms.CopyColumns("Copy", "Features").Fit(rows);
        _context.Model.SaveAtomically(model, rows.Schema, file);
        byte[] before = File.ReadAllBytes(file);

        Assert.Throws<Exception>(() => _context.Model.SaveAtomically(_context.Transforms.CustomMapping<Bar, Bar>((_, _) => { }, contractName: null).Fit(rows), rows.Schema, file));

        CollectionAssert.AreEqual(before, File.ReadAllBytes(file));
        Assert.HasCount(1, Directory.GetFiles(Path.GetDirectoryName(file)!));
        Assert.AreEqual("Copy", _context.Model.Load(file, out DataViewSchema schema).GetOutputSchema(schema)[^1].Name);
    }

    [TestMethod]
    public void A_full_disk_leaves_the_old_file_whole()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("model.zip"), path = Path.GetDirectoryName(file)!;
        using var disk = new SmallDisk(path);
        IDataView rows = Bars.Load(_context, 60, 1);
        KfacImageClassificationTransformer model = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()).Fit(rows);
        _context.Model.SaveAtomically(_context.Transforms.CopyColumns("Copy", "Features").Fit(rows), rows.Schema, file);
        byte[] before = File.ReadAllBytes(file);
        disk.Fill();

        StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => _context.Model.SaveAtomically(model, rows.Schema, file)).Message, file);
        StringAssert.Contains(Assert.ThrowsExactly<IOException>(() => model.ExportToOnnx(folder.File("model.onnx"))).Message, folder.File("model.onnx"));

        CollectionAssert.AreEqual(before, File.ReadAllBytes(file));
        Assert.HasCount(2, Directory.GetFiles(path));
        disk.MakeRoom();
        _context.Model.SaveAtomically(model, rows.Schema, file);
        Assert.IsNotNull(KfacImageClassificationTransformer.FindIn(_context.Model.Load(file, out _)));
        Assert.HasCount(1, Directory.GetFiles(path));
    }

    [TestMethod]
    public void Rows_in_another_order_at_each_pass_end_the_training()
    {
        var random = new Random(1);
        Bar[] bars = Bars.Make(200, 1);
        IDataView rows = Bars.Key(_context, _context.Data.LoadFromEnumerable(new Reordered(bars, random)));
        KfacImageClassificationTrainer.Options options = Bars.Options();
        (options.MemoryBudget, options.ValidationSetFraction) = (20_000, 0.2f);

        string message = Assert.ThrowsExactly<InvalidOperationException>(() => _context.MulticlassClassification.Trainers.KfacImageClassification(options).Fit(rows)).Message;

        StringAssert.Contains(message, "its first pass gave 200 images, a later one the same images in another order");
        StringAssert.Contains(message, "MemoryBudget");
    }

    private KfacImageClassificationTransformer Fit(IDataView rows, string checkpoints, Action<int>? step = null, int failsAfter = int.MaxValue)
    {
        int steps = 0;
        KfacImageClassificationTrainer.Options options = Bars.Options();
        options.Seed = null;
        options.CheckpointPath = checkpoints;
        options.CheckpointEvery = CheckpointInterval.Epochs(1);
        options.MetricsCallback = metrics =>
        {
            if (metrics.Batch is not null)
            {
                step?.Invoke(++steps);
                _ = step is null && ++steps > failsAfter ? throw new TimeoutException() : 0;
            }
        };

        // Each time in a context without a seed, as a program that is started again has it.
        return new MLContext().MulticlassClassification.Trainers.KfacImageClassification(options).Fit(rows);
    }

    private static string[] Scores(KfacImageClassificationTransformer model, IDataView rows) => Rows.Read(model.Transform(rows), "Score");

    /// <summary>The same items, in another order whenever they are asked for.</summary>
    private sealed class Reordered(Bar[] bars, Random random) : IEnumerable<Bar>
    {
        public IEnumerator<Bar> GetEnumerator() => bars.OrderBy(_ => random.Next()).GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
