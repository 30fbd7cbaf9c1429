using Kfac.Parallel;
using Kfac.Tests.Parallel;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Tests.Data;
using MLNetKfac.Tests.Pictures;

namespace MLNetKfac.Tests;

/// <summary>The same pipeline on several ranks: who reads which rows, and that the model does not depend on it.</summary>
[TestClass]
public sealed class RanksTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    [DataRow(1f, DisplayName = "floats")]
    [DataRow(0f, DisplayName = "bytes")]
    public void Each_rank_reads_a_share_of_the_rows_and_has_the_model_of_one_process(float fraction)
    {
        Bar[] bars = [.. Bars.Make(900, 1).Select(bar => new Bar { Kind = bar.Kind, Features = [.. bar.Features.Select(pixel => MathF.Floor(pixel) + fraction * (pixel - MathF.Floor(pixel)))] })];
        Outcome expected = Fit(Communicator.Solo, bars);

        Outcome[] outcomes = ThreadRanks.Run(3, ranks => Fit(ranks, bars));

        // Rounds of 128 rows a rank: two whole ones, and 132 rows.
        Assert.AreEqual(900, expected.RowsRead);
        CollectionAssert.AreEqual(new[] { 384, 260, 256 }, outcomes.Select(outcome => outcome.RowsRead).ToArray());
        Array.ForEach(outcomes, outcome => CollectionAssert.AreEqual(expected.Scores, outcome.Scores));
    }

    [TestMethod]
    public void Each_rank_reads_its_images_of_rows_that_do_not_fit_into_memory()
    {
        Bar[] bars = Bars.Make(900, 1);
        bars[3].Features[0] = float.NaN;
        const int Epochs = 2, Budget = 40_000;
        Outcome expected = Fit(Communicator.Solo, bars, epochs: Epochs, memoryBudget: Budget);

        Outcome[] outcomes = ThreadRanks.Run(3, ranks => Fit(ranks, bars, epochs: Epochs, memoryBudget: Budget));

        Array.ForEach(outcomes, outcome => CollectionAssert.AreEqual(expected.Scores, outcome.Scores));
        Assert.AreEqual((1 + Epochs) * 900, expected.RowsRead);
        Assert.AreEqual((1 + Epochs) * 900, outcomes.Sum(outcome => outcome.RowsRead));
        Assert.IsLessThan(400 * (1 + Epochs), outcomes.Max(outcome => outcome.RowsRead));
    }

    [TestMethod]
    public void The_least_memory_of_a_rank_is_that_of_all()
    {
        Bar[] bars = Bars.Make(400, 1);
        const int Budget = 10_000;
        Outcome expected = Fit(Communicator.Solo, bars, memoryBudget: Budget);
        CollectionAssert.AreNotEqual(Fit(Communicator.Solo, bars).Scores, expected.Scores, "a buffer shuffles otherwise");

        Outcome[] outcomes = ThreadRanks.Run(2, ranks => Fit(ranks, bars, memoryBudget: ranks.Rank == 0 ? null : Budget));

        Array.ForEach(outcomes, outcome => CollectionAssert.AreEqual(expected.Scores, outcome.Scores));
    }

    [TestMethod]
    public void All_ranks_leave_out_the_same_rows()
    {
        Bar[] bars = Bars.Make(300, 1);
        bars[3].Features[0] = float.NaN;
        bars[200].Features[7] = float.PositiveInfinity;
        Outcome expected = Fit(Communicator.Solo, bars);
        Assert.Contains("2 of 300 rows have a pixel that is NaN or infinite and are left out; the first is row 3, value 0 of column 'Values'", string.Join('\n', expected.Warnings));

        foreach (Outcome outcome in ThreadRanks.Run(2, ranks => Fit(ranks, bars)))
        {
            CollectionAssert.AreEqual(expected.Scores, outcome.Scores);
            Assert.Contains(string.Join('\n', expected.Warnings), string.Join('\n', outcome.Warnings));
        }
    }

    [TestMethod]
    public void Another_number_of_rows_on_a_rank_is_refused()
    {
        string Refusal(int rows) => Assert.ThrowsExactly<CommunicatorException>(() => ThreadRanks.Run(2, ranks => Fit(ranks, Bars.Make(rows - ranks.Rank, 1)))).Message;

        Assert.Contains("rank 0 has 200 rows and rank 1 199: all ranks need the same rows in the same order", Refusal(200));
        Assert.Contains("rank 0 has more than 256 rows and rank 1 255", Refusal(256));
    }

    [TestMethod]
    public void What_a_rank_cannot_read_ends_all_with_its_reason()
    {
        string[] reasons = new string[2];
        Assert.ThrowsExactly<FormatException>(() => ThreadRanks.Run(2, ranks =>
        {
            try
            {
                return Fit(ranks, Bars.Make(200, 1), row =>
                {
                    if (row == 150)
                    {
                        throw new FormatException("row 150 is torn");
                    }
                });
            }
            catch (Exception failure)
            {
                reasons[ranks.Rank] = $"{failure.GetType().Name}: {failure.Message}";
                throw;
            }
        }));

        Assert.AreEqual("FormatException: row 150 is torn", reasons[1]);
        Assert.AreEqual("CommunicatorException: rank 1 failed: row 150 is torn", reasons[0]);
    }

    [TestMethod]
    public void A_cancellation_while_rows_are_read_ends_all_ranks()
    {
        using var cancellation = new CancellationTokenSource();
        bool[] areCancelled = ThreadRanks.Run(2, ranks =>
        {
            try
            {
                Fit(ranks, Bars.Make(200, 1), row =>
                {
                    if (row == 140)
                    {
                        cancellation.Cancel();
                    }
                }, ranks.Rank == 1 ? cancellation.Token : default);
                return false;
            }
            catch (OperationCanceledException)
            {
                return true;
            }
        });

        CollectionAssert.AreEqual(new[] { true, true }, areCancelled);
    }

    [TestMethod]
    public void A_cancellation_among_the_rows_that_calibrate_ends_all_ranks()
    {
        Bar[] bars = Bars.Make(400, 1);
        int last = Fit(read: int.MaxValue)[1].Read;

        (int Read, bool IsCancelled)[] ends = Fit(read: last - 3); // calibration reads last

        CollectionAssert.AreEqual(new[] { true, true }, ends.Select(end => end.IsCancelled).ToArray());
        Assert.AreEqual(last - 3, ends[1].Read);

        (int Read, bool IsCancelled)[] Fit(int read) => ThreadRanks.Run(2, ranks =>
        {
            using var cancellation = new CancellationTokenSource();
            int count = 0;
            try
            {
                Outcome outcome = RanksTests.Fit(ranks, bars, _ =>
                {
                    if (++count == read && ranks.Rank == 1)
                    {
                        cancellation.Cancel();
                    }
                }, cancellation.Token, memoryBudget: 10_000, calibrationFraction: 0.3);
                return (outcome.RowsRead, false);
            }
            catch (OperationCanceledException)
            {
                return (count, true);
            }
        });
    }

    [TestMethod]
    public void A_picture_that_is_passed_over_is_not_decoded()
    {
        string folder = _folder.File("pictures");
        PictureFiles.WriteClasses(folder, 3, "a");
        string torn = Path.Combine(folder, "a", "01.png");
        File.WriteAllBytes(torn, File.ReadAllBytes(torn)[..^40]);
        IDataView pictures = new MLContext().Data.LoadImagesFromFolder(folder, new ImageFolderOptions { ImageSize = (12, 12), Unreadable = UnreadablePictures.Throw });

        Assert.AreEqual("0 2", Read(1));
        Assert.Contains("01.png", Assert.ThrowsExactly<FormatException>(() => Read(-1)).Message);
        using DataViewRowCursor again = pictures.GetRowCursor(pictures.Schema);
        ValueGetter<MLImage> picture = again.GetGetter<MLImage>(pictures.Schema["Image"]);
        MLImage any = null!;
        Assert.IsTrue(again.MoveNext() && again.MoveNext());
        Assert.ThrowsExactly<FormatException>(() => picture(ref any));
        Assert.ThrowsExactly<FormatException>(() => picture(ref any), "asked again, it is the same picture");

        string Read(int left)
        {
            using DataViewRowCursor cursor = pictures.GetRowCursor(pictures.Schema);
            ValueGetter<MLImage> getter = cursor.GetGetter<MLImage>(pictures.Schema["Image"]);
            MLImage image = null!;
            var read = new List<long>();
            while (cursor.MoveNext())
            {
                if (cursor.Position != left)
                {
                    getter(ref image);
                    read.Add(cursor.Position);
                }
            }

            return string.Join(' ', read);
        }
    }

    /// <param name="ranks">Who train.</param>
    /// <param name="bars">The rows.</param>
    /// <param name="onRead">Told of each row whose pixels are read.</param>
    /// <param name="cancellation">This rank's.</param>
    /// <param name="epochs">Of the training.</param>
    /// <param name="memoryBudget">For the images; null for the usual.</param>
    /// <param name="calibrationFraction">Of the images; null for the usual.</param>
    private static Outcome Fit(
        Communicator ranks, Bar[] bars, Action<int>? onRead = null, CancellationToken cancellation = default, int epochs = 1, long? memoryBudget = null, double? calibrationFraction = null)
    {
        var context = new MLContext(seed: 1);
        int read = 0;
        var warnings = new List<string>();
        context.Log += (_, message) =>
        {
            if (message.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
            {
                warnings.Add(message.RawMessage);
            }
        };
        IDataView rows = context.Transforms.CustomMapping<Bar, Pixels>(
            (bar, pixels) =>
            {
                onRead?.Invoke((int)bar.Number);
                Interlocked.Increment(ref read); // ML.NET maps rows on several threads for a reader of all
                pixels.Values = bar.Features;
            },
            contractName: null).Fit(context.Data.LoadFromEnumerable(bars)).Transform(context.Data.LoadFromEnumerable(bars));
        KfacImageClassificationTrainer.Options options = Bars.Options();
        (options.FeatureColumnName, options.Communicator, options.Epoch, options.MemoryBudget, options.CancellationToken) = (nameof(Pixels.Values), ranks, epochs, memoryBudget, cancellation);
        options.CalibrationFraction = calibrationFraction;
        KfacImageClassificationTransformer model = context.MulticlassClassification.Trainers.KfacImageClassification(options).Fit(Bars.Key(context, rows));
        int readInTraining = read;
        return new Outcome(readInTraining, Rows.Read(model.Transform(Bars.Key(context, rows)), "Score"), [.. warnings]);
    }

    private sealed record Outcome(int RowsRead, string[] Scores, string[] Warnings);

    private sealed class Pixels
    {
        [VectorType(Bars.Side * Bars.Side)]
        public float[] Values { get; set; } = [];
    }
}
