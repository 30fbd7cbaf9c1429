using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Kfac;
using Kfac.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Reports;
using MLNetKfac.Tests.Data;
using ConfusionMatrix = MLNetKfac.Reports.ConfusionMatrix;
using TestResult = MLNetKfac.Reports.TestResult;

namespace MLNetKfac.Tests;

/// <summary>The HTML page of a training: what is in it is right, and nothing gets into it that is markup.</summary>
[TestClass]
public sealed class ReportTests
{
    private const string Hostile = "<script>alert(\"1\")</script>&amp;'\u0001";

    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void A_chain_on_pictures_gets_every_section_with_the_figures_of_the_evaluator()
    {
        ImageFolderDataView folder = _context.Data.LoadImagesFromFolder(Path.Combine(AppContext.BaseDirectory, "samples"), new ImageFolderOptions { ImageSize = (14, 14) });
        (ImageFolderDataView training, ImageFolderDataView test) = folder.Split(0.25, seed: 1);
        var options = new KfacImageClassificationTrainer.Options
        {
            FeatureColumnName = "Image",
            Epoch = 2,
            Seed = 1,
            BatchSize = 32,
            ValidationSetFraction = 0.2f,
        };
        ITransformer model = _context.Transforms.Conversion.MapValueToKey("Label")
            .Append(_context.MulticlassClassification.Trainers.KfacImageClassification(options)).Fit(training);
        MulticlassClassificationMetrics expected = _context.MulticlassClassification.Evaluate(model.Transform(test));
        using var files = new TemporaryFolder();

        TrainingReport report = TrainingReport.Create(model, test, new TrainingReportOptions { TrainerOptions = options, Facts = [KeyValuePair.Create("Machine", "two cores")], HeatMaps = 2 });
        report.Save(files.File("report.html"));

        Assert.AreEqual(120, report.Pictures);
        Assert.AreEqual(expected.MicroAccuracy, report.Accuracy, 1e-9);
        Assert.AreEqual(expected.LogLoss, report.LogLoss, 1e-4);
        XElement page = XDocument.Load(files.File("report.html")).Root!;
        CollectionAssert.AreEqual((string[])["curves", "confusion", "classes", "mistakes", "heat", "reliability", "filters", "training"], page.Descendants("section").Select(section => section.Attribute("id")!.Value).ToArray());
        CollectionAssert.AreEqual(page.Descendants("section").Select(section => $"#{section.Attribute("id")!.Value}").ToArray(), page.Descendants("nav").Descendants("a").Select(link => link.Attribute("href")!.Value).ToArray());
        int[][] counts = [.. Section(page, "confusion").Descendants("tbody").Elements("tr").Select(row => row.Elements("td").Select(cell => int.Parse(cell.Value, CultureInfo.InvariantCulture)).ToArray())];
        CollectionAssert.AreEqual(expected.ConfusionMatrix.Counts.SelectMany(row => row.Select(count => (int)count)).ToArray(), counts.SelectMany(row => row).ToArray());
        Assert.HasCount(4, Section(page, "curves").Descendants("figure").ToArray());
        Assert.HasCount(2, Section(page, "curves").Descendants("tbody").Elements("tr").ToArray());
        Assert.HasCount(4, Section(page, "heat").Descendants("img").ToArray());
        Assert.IsTrue(Section(page, "mistakes").Descendants("p").Any(words => Regex.IsMatch(words.Value, "^[a-z ]+/[0-9]+\\.png$")), "folder and file");
        Assert.IsTrue(page.Descendants("img").All(image => image.Attribute("alt")!.Value.Length > 0 && image.Attribute("src")!.Value.StartsWith("data:image/png;base64,", StringComparison.Ordinal)));
        Assert.IsTrue(page.Descendants("svg").All(drawing => drawing.Attribute("aria-hidden") is not null || drawing.Attribute("aria-label")!.Value.Length > 0));
        string training_ = Section(page, "training").Value;
        Assert.Contains("Machinetwo cores", training_);
        Assert.Contains("Epoch2", training_);
        Assert.DoesNotContain("FeatureColumnType", training_);
        Assert.IsEmpty(page.DescendantsAndSelf().Attributes().Where(attribute => attribute.Value.Contains("http", StringComparison.Ordinal)).ToArray(), "nothing is fetched");
        Assert.HasCount(1, Directory.GetFiles(files.File("")));
    }

    [TestMethod]
    public void What_users_name_is_text_and_never_markup()
    {
        Bar[] bars = Bars.Make(30, seed: 1);
        Array.ForEach(bars, bar => bar.Kind = bar.Kind == Bars.Kinds[0] ? Hostile : bar.Kind);
        ITransformer model = _context.Transforms.Conversion.MapValueToKey("Label", "Kind")
            .Append(_context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options { Network = Bars.Network, Epoch = 1, Seed = 1 }))
            .Fit(_context.Data.LoadFromEnumerable(bars));
        TrainingReport report = TrainingReport.Create(model, _context.Data.LoadFromEnumerable(bars), new TrainingReportOptions { Title = Hostile, PathColumnName = "Kind", Facts = [KeyValuePair.Create(Hostile, Hostile)] });

        XElement page = XElement.Parse(Markup(report));

        string shown = Hostile.Replace('\u0001', '\uFFFD');
        Assert.AreEqual(shown, page.Descendants("h1").Single().Value);
        Assert.AreEqual(shown, page.Descendants("title").Single(title => title.Parent!.Name == "head").Value);
        Assert.Contains(shown, Section(page, "confusion").Descendants("th").Select(cell => cell.Value).ToArray());
        Assert.Contains($"{shown}{shown}", Section(page, "training").Descendants("div").Select(row => row.Value).ToArray());
        Assert.IsEmpty(page.Descendants("script").ToArray());
        Assert.IsEmpty(page.Descendants("section").Where(section => section.Attribute("id")!.Value == "filters" && section.Value.Contains("NaN")).ToArray());
    }

    [TestMethod]
    public void Pictures_of_the_validation_are_not_called_test_pictures_and_get_no_interval()
    {
        Bar[] bars = Bars.Make(30, seed: 1);
        IDataView rows = _context.Data.LoadFromEnumerable(bars);
        ITransformer model = _context.Transforms.Conversion.MapValueToKey("Label", "Kind")
            .Append(_context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options { Network = Bars.Network, Epoch = 1, Seed = 1 })).Fit(rows);

        string validation = Markup(TrainingReport.Create(model, rows, new TrainingReportOptions { PathColumnName = "Kind", IsValidationData = true }));
        string test = Markup(TrainingReport.Create(model, rows, new TrainingReportOptions { PathColumnName = "Kind", Threads = 1 }));

        Assert.Contains("30 held-back pictures of 3 classes, which also chose the epoch and the temperature: the figures are a little flattered", validation);
        Assert.DoesNotContain("95 % confidence", validation);
        Assert.DoesNotContain("test picture", validation, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("30 test pictures of 3 classes</p>", test);
        Assert.Contains("with 95 % confidence", test);
        Assert.DoesNotContain("flattered", test);
        Assert.DoesNotContain("background: #000", test, "no black beside a picture");
    }

    [TestMethod]
    public void A_hundred_classes_get_a_map_and_a_list()
    {
        var result = new TestResult(new ImageShape(2, 2, 1), [.. Enumerable.Range(0, 100).Select(number => $"class {number}")], isValidation: false, kept: 1, sampled: 0);
        for (int label = 0; label < 100; label++)
        {
            var probabilities = new float[100];
            probabilities[label == 7 ? 8 : label] = 1;
            result.Add([0, 0, 0, 0], label, probabilities, () => "picture");
        }

        XElement confusion = XElement.Parse($"<div>{ConfusionMatrix.Write(result)}</div>"), classes = XElement.Parse($"<div>{ClassTable.Write(result)}</div>");

        Assert.HasCount(100, confusion.Descendants("rect").ToArray());
        Assert.AreEqual("class 7 taken for class 8: 1 of 1 (100.0 %)", confusion.Descendants("li").Single().Value);
        Assert.HasCount(100, classes.Descendants("tbody").Elements("tr").ToArray());
        Assert.AreEqual("class 71–0.0 %0.0 %", classes.Descendants("tbody").Elements("tr").ElementAt(7).Value);
        Assert.AreEqual("class 8150.0 %100.0 %66.7 %", classes.Descendants("tbody").Elements("tr").ElementAt(8).Value);
    }

    [TestMethod]
    public void Calibration_is_the_mean_distance_of_accuracy_from_confidence()
    {
        var calibration = new Calibration();
        foreach ((double confidence, bool isCorrect) in new (double, bool)[] { (0.5, true), (0.5, false), (0.9, true), (0.9, true), (1, false), (1, true) })
        {
            calibration.Add(confidence, isCorrect);
        }

        Assert.AreEqual(Calibration.BinCount, calibration.Bins.Count);
        Assert.AreEqual(new CalibrationBin(2, 1, 0.5), calibration.Bins[^1]);
        Assert.AreEqual((2 * 0 + 2 * 0.1 + 2 * 0.5) / 6, calibration.ExpectedError, 1e-9);
    }

    [TestMethod]
    public void The_model_looks_where_the_bar_is()
    {
        Bar[] bars = Bars.Make(300, seed: 1);
        KfacImageClassificationTransformer model = Fit(epochs: 6);
        var shape = new ImageShape(Bars.Side, Bars.Side, 1);
        var result = new TestResult(shape, Bars.Kinds, isValidation: false, kept: 1, sampled: 0);
        float[] pixels = Bars.Make(2, seed: 9)[1].Features, probabilities = new float[Bars.Kinds.Length];
        using (Kfac.Models.ImagePredictor predictor = model.Model.Classifier.CreatePredictor())
        {
            predictor.Predict(pixels, probabilities);
        }

        using var occlusion = new Occlusion(model.Model.Classifier, threads: 1);
        float[] map = occlusion.Map(new TestedPicture(pixels, 1, probabilities, "bar"));

        Assert.AreEqual(1, map.Max());
        Assert.IsGreaterThanOrEqualTo(0, map.Min());
        float threshold = pixels.Order().ElementAt(pixels.Length - Bars.Side);
        float on = map.Where((_, pixel) => pixels[pixel] >= threshold).Average(), off = map.Where((_, pixel) => pixels[pixel] < threshold).Average();
        Assert.IsGreaterThan(off, on);
    }

    [TestMethod]
    public void Wrong_test_data_is_refused_by_name()
    {
        KfacImageClassificationTransformer model = Fit(epochs: 1);
        IDataView rows = Bars.Load(_context, 30, 1);

        Assert.Contains("LabelColumnName 'Answer'", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => TrainingReport.Create(model, rows, new TrainingReportOptions { LabelColumnName = "Answer" })).Message);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => TrainingReport.Create(model, rows, new TrainingReportOptions { Mistakes = -1 }));
        Assert.Contains("needs pictures", Assert.ThrowsExactly<InvalidOperationException>(() => TrainingReport.Create(model, _context.Data.SkipRows(rows, 1000))).Message);
        Bar[] unknown = Bars.Make(3, seed: 1);
        unknown[2].Kind = "tumbling";
        Assert.Contains("'tumbling', which the model does not know", Assert.ThrowsExactly<InvalidOperationException>(() => TrainingReport.Create(model, _context.Data.LoadFromEnumerable(unknown), new TrainingReportOptions { LabelColumnName = "Kind" })).Message);
    }

    [TestMethod]
    public void A_class_that_was_not_trained_on_is_told_from_a_missing_one()
    {
        Bar[] unknown = Bars.Make(5, seed: 1);
        (unknown[2].Kind, unknown[4].Kind) = ("", "tumbling");
        ITransformer model = _context.Transforms.Conversion.MapValueToKey("Kind")
            .Append(_context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options { LabelColumnName = "Kind", Network = Bars.Network, Epoch = 1, Seed = 1 }))
            .Fit(_context.Data.LoadFromEnumerable(Bars.Make(30, seed: 1)));
        var options = new TrainingReportOptions { LabelColumnName = "Kind" };

        Assert.AreEqual(3, TrainingReport.Create(model, _context.Data.LoadFromEnumerable(unknown[..4]), options).Pictures);
        Assert.Contains("'tumbling', which the model does not know", Assert.ThrowsExactly<InvalidOperationException>(() => TrainingReport.Create(model, _context.Data.LoadFromEnumerable(unknown), options)).Message);
    }

    [TestMethod]
    public void Features_without_rows_and_columns_get_a_page_without_pictures()
    {
        IDataView rows = Bars.Load(_context, 60, 1);
        KfacImageClassificationTransformer model = _context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options { Epoch = 1, Seed = 1 }).Fit(rows);

        XElement page = XElement.Parse(Markup(TrainingReport.Create(model, rows)));

        Assert.IsEmpty(page.Descendants("img").ToArray());
        Assert.IsTrue(page.Descendants("section").All(section => section.Attribute("id")!.Value is not ("heat" or "filters")));
    }

    private KfacImageClassificationTransformer Fit(int epochs) => _context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
    {
        Network = Bars.Network,
        Epoch = epochs,
        Seed = 1,
        EarlyStoppingCriteria = new EarlyStopping(),
    }).Fit(Bars.Load(_context, 300, 1));

    private static XElement Section(XElement page, string id) => page.Descendants("section").Single(section => section.Attribute("id")!.Value == id);

    private static string Markup(TrainingReport report)
    {
        using var stream = new MemoryStream();
        report.Save(stream);
        return System.Text.Encoding.UTF8.GetString(stream.ToArray()).Replace("<!DOCTYPE html>", "", StringComparison.Ordinal);
    }
}
