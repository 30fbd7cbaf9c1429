using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>Trainings that begin with given values.</summary>
[TestClass]
public sealed class InitialParametersTests
{
    private static readonly TrainingOptions Options = new()
    {
        Network = NetworkSpec.For(8, 8, 1).Conv(4, 3).Relu().Flatten().Dense(3),
        Optimizer = new SgdOptions(),
        Epochs = 1,
        Schedule = LearningRateSchedule.Constant,
        ParameterAveragingEpochs = 0,
    };

    [TestMethod]
    public void A_training_begins_with_the_values_it_is_given()
    {
        // Steps of next to no length leave them as they are.
        TrainingOptions still = Options with { Optimizer = new SgdOptions { LearningRate = 1e-30f } };
        float[] filter = [.. Enumerable.Range(0, 36).Select(i => (i + 1) / 64f)];

        ImageClassifier given = Fit(still with { InitialParameters = new Dictionary<string, float[]> { ["conv2d_1/filter"] = filter } }), random = Fit(still);

        CollectionAssert.AreEqual(filter, Values(given, "conv2d_1/filter"));
        CollectionAssert.AreNotEqual(filter, Values(random, "conv2d_1/filter"));
        CollectionAssert.AreEqual(Values(random, "dense_1/weights"), Values(given, "dense_1/weights"), "the others are as without");
    }

    [TestMethod]
    public void The_random_values_themselves_change_no_bit()
    {
        Dictionary<string, float[]> start = Fit(Options with { Optimizer = new SgdOptions { LearningRate = 1e-30f } }).Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Values.ToArray());

        CollectionAssert.AreEqual(All(Fit(Options)), All(Fit(Options with { InitialParameters = start })));
    }

    [TestMethod]
    public void All_parameters_of_another_model_will_do_frozen_filters_and_running_statistics_included()
    {
        TrainingOptions still = Options with
        {
            Network = new NetworkSpec(new ImageShape(8, 8, 1), [new Conv2DSpec(4, 3, 3) { IsFrozen = true }, new BatchNormSpec(), new FlattenSpec(), new DenseSpec(3)]),
            Optimizer = new SgdOptions { LearningRate = 1e-30f },
        };
        Dictionary<string, float[]> values = Fit(still with { Seed = 2 }).Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Values.ToArray());

        ImageClassifier model = Fit(still with { InitialParameters = values });

        CollectionAssert.AreEqual(values["conv2d_1/filter"], Values(model, "conv2d_1/filter"));
        CollectionAssert.AreEqual(values["dense_1/weights"], Values(model, "dense_1/weights"));
        Assert.IsTrue(values.ContainsKey("batchnorm_1/variance"));
    }

    [TestMethod]
    [DataRow("conv2d_2/filter", 36, 0f, "conv2d_2/filter is none of the network's parameters conv2d_1/filter, conv2d_1/bias, dense_1/weights, dense_1/bias")]
    [DataRow("conv2d_1/filter", 35, 0f, "conv2d_1/filter is [3, 3, 1, 4], 36 values, but 35 came")]
    [DataRow("conv2d_1/filter", 36, float.NaN, "value 0 of conv2d_1/filter is NaN")]
    public void Wrong_values_are_refused_by_name(string name, int length, float value, string expected)
    {
        var values = new Dictionary<string, float[]> { [name] = [.. Enumerable.Repeat(value, length)] };

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Fit(Options with { InitialParameters = values })).Message, expected);
    }

    [TestMethod]
    public void A_previous_model_has_values_of_its_own()
    {
        ImageClassifier previous = Fit(Options);
        var trainer = new ImageClassifierTrainer(Options with { InitialParameters = new Dictionary<string, float[]>() });

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => trainer.Fit(ImageSetOf(), null, previous)).Message, "InitialParameters");
    }

    private static Kfac.Images.ImageSet ImageSetOf() => Kfac.Images.ImageSet.Of(SyntheticImages.Create(40, 1));

    private static ImageClassifier Fit(TrainingOptions options) => new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(40, 1));

    private static float[] Values(ImageClassifier model, string name) => model.Parameters.Single(parameter => parameter.Name == name).Values.ToArray();

    private static float[] All(ImageClassifier model) => [.. model.Parameters.SelectMany(parameter => parameter.Values.ToArray())];
}
