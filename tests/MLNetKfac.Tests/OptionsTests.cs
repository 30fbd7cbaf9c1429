using Kfac.Networks;
using Microsoft.ML;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

[TestClass]
public sealed class OptionsTests
{
    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void Options_are_copied_when_the_trainer_is_made()
    {
        IDataView data = Bars.Load(_context, 60, 1);
        KfacImageClassificationTrainer.Options options = Bars.Options();
        options.ClassWeights = new Dictionary<string, float> { [Bars.Kinds[0]] = 2 };
        var kept = new Dictionary<string, float>(options.ClassWeights);
        KfacImageClassificationTrainer trainer = _context.MulticlassClassification.Trainers.KfacImageClassification(options);

        ((Dictionary<string, float>)options.ClassWeights)[Bars.Kinds[0]] = 7;
        options.Network = NetworkSpec.For(Bars.Side / 2, 2 * Bars.Side, 1).Flatten().Dense(Bars.Kinds.Length);
        options.FeatureColumnName = "Elsewhere";
        options.ScoreColumnName = "Other";
        options.Epoch = 1;
        options.Seed = 99;
        KfacImageClassificationTransformer changed = trainer.Fit(data);

        KfacImageClassificationTrainer.Options original = Bars.Options();
        original.ClassWeights = kept;
        KfacImageClassificationTransformer expected = _context.MulticlassClassification.Trainers.KfacImageClassification(original).Fit(data);
        CollectionAssert.AreEqual(TrainingTests.Weights(expected), TrainingTests.Weights(changed));
        Assert.AreEqual("Score", changed.ScoreColumnName);
    }
}
