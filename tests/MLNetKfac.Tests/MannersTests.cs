using System.Reflection;
using Kfac.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary>What users of ML.NET take for granted of its components.</summary>
[TestClass]
public sealed class MannersTests
{
    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void The_classifier_is_found_in_chains_within_chains_alone_and_loaded()
    {
        IDataView rows = Bars.Load(_context, 30, seed: 1);
        KfacImageClassificationTransformer alone = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()).Fit(rows);
        ITransformer names = _context.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(alone.Transform(rows));
        var inner = new TransformerChain<ITransformer>(alone, names);
        var nested = new TransformerChain<ITransformer>(new TransformerChain<ITransformer>(inner), _context.Transforms.CopyColumns("Copy", "Score").Fit(inner.Transform(rows)));

        Assert.AreSame(alone, KfacImageClassificationTransformer.FindIn(alone));
        Assert.AreSame(alone, KfacImageClassificationTransformer.FindIn(inner));
        Assert.AreSame(alone, KfacImageClassificationTransformer.FindIn(nested));
        foreach (ITransformer model in (ITransformer[])[alone, inner, nested])
        {
            using var file = new MemoryStream();
            _context.Model.Save(model, rows.Schema, file);
            file.Position = 0;
            Assert.AreEqual(Bars.Network, KfacImageClassificationTransformer.FindIn(_context.Model.Load(file, out _)).Model.Network);
        }

        Assert.Contains("has 0 among KeyToValueMappingTransformer", Assert.ThrowsExactly<ArgumentException>(() => KfacImageClassificationTransformer.FindIn(names)).Message);
        Assert.Contains("has 2 among", Assert.ThrowsExactly<ArgumentException>(() => KfacImageClassificationTransformer.FindIn(new TransformerChain<ITransformer>(alone, alone))).Message);
        Assert.ThrowsExactly<ArgumentNullException>(() => KfacImageClassificationTransformer.FindIn(null!));
    }

    [TestMethod]
    [DataRow(CancellationOutcome.Throw)]
    [DataRow(CancellationOutcome.KeepBest)]
    public void CancelExecution_ends_a_training(CancellationOutcome outcome)
    {
        IDataView rows = Bars.Load(_context, 60, seed: 1);
        KfacImageClassificationTrainer.Options options = Bars.Options();
        options.Epoch = 1000;
        options.OnCancellation = outcome;
        options.MetricsCallback = metrics =>
        {
            if (metrics.Epoch?.Epoch == 3)
            {
                Cancel();
            }
        };
        KfacImageClassificationTrainer trainer = _context.MulticlassClassification.Trainers.KfacImageClassification(options);

        if (outcome == CancellationOutcome.Throw)
        {
            Assert.ThrowsExactly<OperationCanceledException>(() => trainer.Fit(rows));
        }
        else
        {
            Assert.HasCount(3, trainer.Fit(rows).Model.TrainingHistory);
        }
    }

    [TestMethod]
    public void CancelExecution_ends_the_reading_of_rows()
    {
        int read = 0;
        IEnumerable<Bar> Endless()
        {
            for (int seed = 0; ; seed++)
            {
                if (++read == 100)
                {
                    Cancel();
                }

                yield return Bars.Make(1, seed)[0];
            }
        }

        KfacImageClassificationTrainer trainer = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options());

        Assert.ThrowsExactly<OperationCanceledException>(() => trainer.Fit(Bars.Key(_context, _context.Data.LoadFromEnumerable(Endless()))));
    }

    [TestMethod]
    public void Cursors_and_rows_refuse_what_is_not_theirs()
    {
        IDataView rows = Bars.Load(_context, 30, seed: 1);
        KfacImageClassificationTransformer model = _context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()).Fit(rows);
        IDataView output = model.Transform(rows);
        DataViewSchema.Column foreign = model.Transform(output).Schema["Score"];
        IRowToRowMapper mapper = model.GetRowToRowMapper(rows.Schema);

        Assert.ThrowsExactly<ArgumentNullException>(() => output.GetRowCursor(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => output.GetRowCursorSet(null!, 2));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => output.GetRowCursor([foreign]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => mapper.GetDependencies([foreign]).ToArray());
        foreach (DataViewSchema.Column[] active in (DataViewSchema.Column[][])[[], [output.Schema["Score"]]])
        {
            using DataViewRowCursor cursor = output.GetRowCursor(active);
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cursor.IsColumnActive(foreign));
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cursor.GetGetter<VBuffer<float>>(foreign));
        }

        using DataViewRowCursor other = output.GetRowCursor([]);
        Assert.Contains("schema that the mapper was made for", Assert.ThrowsExactly<ArgumentException>(() => mapper.GetRow(other, [])).Message);
        Assert.ThrowsExactly<ArgumentNullException>(() => mapper.GetRow(rows.GetRowCursor([]), null!));
    }

    /// <summary>ML.NET shows it to its own assemblies only.</summary>
    private void Cancel() => typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!.Invoke(_context, null);
}
