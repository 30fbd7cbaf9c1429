using Kfac;
using Kfac.Models;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Columns;
using MLNetKfac.Reports;

namespace MLNetKfac;

/// <summary>
/// How a training went and what its model is worth, as one HTML page: learning curves, confusion matrix, precision and recall,
/// worst mistakes with their pictures, where the model looks, calibration, first filters and their Fisher information, options,
/// network and times.
/// </summary>
/// <remarks>The page needs no network and has no scripts. It is readable on paper, in the dark and on a phone.</remarks>
/// <example><code>
/// TrainingReport report = TrainingReport.Create(model, testData);
/// Console.WriteLine($"accuracy {report.Accuracy:P1}");
/// report.Save("report.html");
/// </code></example>
public sealed class TrainingReport
{
    /// <summary>Largest number of test pictures, and of backward passes, that the Fisher information of the first filters is measured by.</summary>
    private const int MaxFisherPictures = 128, MaxFisherPasses = 1280;

    private readonly TestResult _result;
    private readonly Page _page;

    private TrainingReport(TestResult result, Page page) => (_result, _page) = (result, page);

    /// <summary>Number of test pictures.</summary>
    public int Pictures => _result.Count;

    /// <summary>Share of them classified correctly, 0 … 1.</summary>
    public double Accuracy => _result.Accuracy;

    /// <summary>Mean cross-entropy of the test pictures in nats.</summary>
    public double LogLoss => _result.LogLoss;

    /// <summary>Mean distance of accuracy from confidence over 15 bins, 0 … 1 (Guo et al. 2017).</summary>
    public double ExpectedCalibrationError => _result.Calibration.ExpectedError;

    /// <summary>Classifies the test pictures and keeps what a report shows. The training's history is that of the model.</summary>
    /// <param name="model">A transformer, or a trained or loaded chain with one in it, as <see cref="KfacImageClassificationTransformer.FindIn"/> takes it.</param>
    /// <param name="testData">Rows as the model takes them, with their classes; at least one. Rows without a class or with a pixel that is not finite are left out and counted.</param>
    /// <param name="options">Columns and contents; null for the defaults.</param>
    /// <exception cref="ArgumentException">The model has no image classifier, or more than one.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of a type that the model does not take, or an option is out of its range; the message names it.</exception>
    /// <exception cref="InvalidOperationException">There is no usable row, or one is of a class that the model does not know: text, or a key that <c>MapValueToKey</c> made of the column of that name.</exception>
    public static TrainingReport Create(ITransformer model, IDataView testData, TrainingReportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(testData);
        options ??= new TrainingReportOptions();
        options.Validate();
        KfacImageClassificationTransformer transformer = KfacImageClassificationTransformer.FindIn(model);
        ImageClassifier classifier = transformer.Model.Classifier;
        string[] classNames = [.. transformer.Model.ClassNames ?? Enumerable.Range(1, classifier.ClassCount).Select(number => $"{number}")];

        // Lazy: of a chain's columns only those are computed that are read.
        IDataView rows = model.Transform(testData);
        DataViewSchema.Column features = rows.Schema.RequireColumn(OptionNames.FeatureColumn, transformer.FeatureColumnName, PixelFormat.ExpectedType);
        DataViewSchema.Column label = rows.Schema.RequireColumn(nameof(TrainingReportOptions.LabelColumnName), options.LabelColumnName, "a key or text");
        DataViewSchema.Column? path = rows.Schema.GetColumnOrNull(options.PathColumnName) is { Type: TextDataViewType } column ? column : null;
        DataViewSchema.Column? names = label.Type is KeyDataViewType
            ? rows.Schema.Where(column => column.IsHidden && column.Name == label.Name && column.Type is TextDataViewType).Cast<DataViewSchema.Column?>().LastOrDefault()
            : null;
        int threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        var result = new TestResult(
            classifier.InputShape, classNames, options.IsValidationData, Math.Max(options.Mistakes, options.HeatMaps), Math.Clamp(MaxFisherPasses / classifier.ClassCount, 1, MaxFisherPictures));
        new TestRun(classifier, features, transformer.Format.ForPrediction(features), label, names, path, threads).Execute(rows, result);
        if (result.Count == 0)
        {
            throw new InvalidOperationException($"a report needs pictures, but none of the {result.LeftOut} rows has a label and finite pixels");
        }

        KeyValuePair<string, string>[] changed = options.TrainerOptions is null ? [] : [.. OptionTable.Changed(options.TrainerOptions, new KfacImageClassificationTrainer.Options())];
        return new TrainingReport(result, new Page(options.Title, classifier, result, changed, [.. options.Facts], options.Mistakes, options.HeatMaps, threads));
    }

    /// <summary>Writes the page; a file of that name is replaced once the new one is whole and on disk.</summary>
    /// <param name="path">The file, in a folder that is there.</param>
    /// <exception cref="IOException">The disk is full, or the like; the old file is still there.</exception>
    public void Save(string path) => AtomicFile.Write(path, Save);

    /// <summary>Writes the page as UTF-8. The stream stays open.</summary>
    /// <param name="stream">What to write to.</param>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(System.Text.Encoding.UTF8.GetBytes(_page.Write().Markup));
    }
}
