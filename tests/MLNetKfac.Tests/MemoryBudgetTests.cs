using System.Globalization;
using Kfac.Models;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary>More rows than are to be held in memory.</summary>
[TestClass]
public sealed class MemoryBudgetTests
{
    /// <summary>The bars are floats: a chunk of 64 takes 16 KB.</summary>
    private const long SmallBudget = 20_000;

    private readonly MLContext _context = new(seed: 1);
    private readonly List<(ChannelMessageKind Kind, string Message)> _log = [];

    public MemoryBudgetTests() => _context.Log += (_, e) => _log.Add((e.Kind, e.RawMessage));

    [TestMethod]
    public void Streamed_rows_teach_as_well_as_rows_in_memory()
    {
        KfacImageClassificationTransformer model = Fit(Bars.Load(_context, 300, 1), options => options.ValidationSetFraction = 0.1f);

        Assert.IsGreaterThan(0.9, _context.MulticlassClassification.Evaluate(model.Transform(Bars.Load(_context, 90, 2))).MicroAccuracy);
        Assert.IsGreaterThan(0.8, model.Model.TrainingHistory[^1].ValidationAccuracy!.Value);
        Assert.IsTrue(_log.Any(line => line.Message == "Training on 270 images of 8x8x1 in 3 classes, validating on 30"));
        Assert.IsTrue(_log.Any(line => line.Message == "The images take more than 20000 bytes: they are read anew in each epoch"));
    }

    [TestMethod]
    public void Streamed_training_is_the_same_each_time_and_on_any_number_of_threads()
    {
        IDataView rows = Bars.Load(_context, 200, 1);
        string[] Scores(int threads, int seed = 1) => Rows.Read(Fit(rows, options => (options.Threads, options.Seed, options.Epoch) = (threads, seed, 2)).Transform(rows), "Score");

        string[] one = Scores(1);
        CollectionAssert.AreEqual(one, Scores(1));
        CollectionAssert.AreEqual(one, Scores(2));
        CollectionAssert.AreNotEqual(one, Scores(1, seed: 2));
    }

    [TestMethod]
    public void Streamed_validation_rows_tell_what_evaluation_tells()
    {
        IDataView validation = Bars.Load(_context, 200, 2);

        KfacImageClassificationTransformer model = Fit(Bars.Load(_context, 200, 1), options => (options.ValidationSet, options.Epoch, options.CalibrationFraction) = (validation, 2, 0));

        Microsoft.ML.Data.MulticlassClassificationMetrics metrics = _context.MulticlassClassification.Evaluate(model.Transform(validation));
        EpochReport last = model.Model.TrainingHistory[^1];
        Assert.AreEqual(metrics.MicroAccuracy, last.ValidationAccuracy!.Value, 1e-9);
        Assert.AreEqual(metrics.LogLoss, last.ValidationLoss!.Value, 1e-4);
    }

    [TestMethod]
    public void Rows_that_are_left_out_are_counted_once()
    {
        Bar[] bars = Bars.Make(200, 1);
        bars[5].Features[3] = float.NaN;
        bars[170].Features[3] = float.NaN;

        Fit(Bars.Key(_context, _context.Data.LoadFromEnumerable(bars)), options => options.Epoch = 2);

        CollectionAssert.AreEqual(
            (string[])["2 of 200 rows have a pixel that is NaN or infinite and are left out; the first is row 5, value 3 of column 'Features'"],
            _log.Where(line => line.Kind == ChannelMessageKind.Warning).Select(line => line.Message).ToArray());
        Assert.IsTrue(_log.Any(line => line.Message.StartsWith("Training on 198 images", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Cancelling_ends_a_pass_over_the_rows()
    {
        using var source = new CancellationTokenSource();
        int rows = 0;
        IEnumerable<Bar> Generate()
        {
            foreach (Bar bar in Bars.Make(3000, 1))
            {
                // The first pass reads them all.
                if (++rows == 3100)
                {
                    source.Cancel();
                }

                yield return bar;
            }
        }

        Assert.ThrowsExactly<OperationCanceledException>(() => Fit(Bars.Key(_context, _context.Data.LoadFromEnumerable(Generate())), options => options.CancellationToken = source.Token));

        // ML.NET's own threads may have read on a little.
        Assert.IsLessThan(5000, rows);
    }

    [TestMethod]
    public void Memory_stays_flat_as_rows_grow()
    {
        // Held in memory, the rows that one has more than the other would take 27 MB; the runtime alone takes more than that.
        long[] peaks = Array.ConvertAll((int[])[15_000, 120_000], rows => PeakMemory(rows, budget: 2_000_000));

        Assert.IsLessThan(15_000_000, peaks[1] - peaks[0], $"{peaks[0]} and {peaks[1]} bytes");
    }

    private static long PeakMemory(int rows, long budget)
    {
        string[] printed = SecondProcess.Run("MLNetKfac.PeakMemory", $"{rows}", $"{budget}").Single().Split(' ');
        Assert.AreEqual($"{rows}", printed[0]);
        Assert.IsGreaterThan(0.9, double.Parse(printed[1], CultureInfo.InvariantCulture));
        return long.Parse(printed[2], CultureInfo.InvariantCulture);
    }

    private KfacImageClassificationTransformer Fit(IDataView rows, Action<KfacImageClassificationTrainer.Options> change)
    {
        KfacImageClassificationTrainer.Options options = Bars.Options();
        options.MemoryBudget = SmallBudget;
        change(options);
        return _context.MulticlassClassification.Trainers.KfacImageClassification(options).Fit(rows);
    }
}
