using Kfac.Curvature;
using Kfac.Images;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Images;
using Kfac.Tests.Parallel;
using Kfac.Training;

namespace Kfac.Tests.Training;

/// <summary>What ranks that train together send each other.</summary>
[TestClass]
public sealed class RanksBytesTests
{
    /// <summary>docs/distributed.md has the terms.</summary>
    [TestMethod]
    [DataRow(1, false)]
    [DataRow(2, false)]
    [DataRow(3, false)]
    [DataRow(4, false)]
    [DataRow(3, true)]
    public void The_bytes_sent_are_those_of_the_formula(int size, bool orthogonalizes)
    {
        const int Batch = 30, Steps = 6, Epochs = 2, Classes = SyntheticImages.Classes;
        NetworkSpec network = NetworkSpec.For(8, 8, 1).Conv(5, 3).BatchNorm().Relu().MaxPool(2).Conv(33, 3).Relu().Conv(33, 3).Relu().MaxPool(2).Flatten().Dense(9).Relu().Dense(Classes);
        var options = new TrainingOptions { Network = network, Optimizer = orthogonalizes ? new MuonOptions() : new SgdOptions(), Epochs = Epochs, BatchSize = Batch };
        long sent = ThreadRanks.Run(size, ranks =>
        {
            Fit(options with { Communicator = ranks }, SyntheticImages.Create(Batch * Steps / Epochs, seed: 1));
            return ranks.BytesSent;
        }).Sum();

        // A filter's length is rounded up to 16. The last one is so large that its gradient comes from x and dy of the whole batch: a rank has some examples and wants some channels of the others' x.
        const int Filters = 48 + 5 + 1488 + 33, Pixels = 4 * 4, Features = 2 * 2 * 33, Channels = 5;
        const int Logits = 4 * Batch * Classes;
        const int Examples = 4 * Batch * (9 + Classes), Rows = 4 * (Features * 9 + 9 * Classes);
        int[] sliceStarts = [0, 3, 7, 11, 15, 18, 22, 26, 30], partStarts = [0, 7, 14, 21, 27, 33];
        int inputs = Enumerable.Range(0, size).Sum(rank =>
            4 * (Batch - (ExampleStart(rank + 1) - ExampleStart(rank))) * (Pixels * (ChannelStart(rank + 1) - ChannelStart(rank)) + FeaturesOf(rank, Features) + FeaturesOf(rank, 9)));
        const int WholeBatch = 4 * Batch * Pixels * 33 + 4 * (33 * 9 * 33 + 33);
        const int Matrices = 4 * (5 * 9 * 33 + 33 * 9 * 33 + Features * 9);
        const int Moments = 8 * (2 + 4) * Channels;
        long step = Logits + 2 * 4 * Filters + WholeBatch + Examples + Rows + 2 * Moments + (orthogonalizes ? Matrices : 0) + size;
        int settings = TrainingSettings.DescribeOptions(Recipe.Complete(options, ImageSet.Of(SyntheticImages.Create(1, seed: 1)), hasValidation: false, network), network).Count;
        long scaling = 4 * 2, batchSize = 4 * size, agreement = size * 8 * (6 + 1 + settings), moment = 4;
        long epoch = Logits + 2 * 8, end = Logits;
        Assert.AreEqual((size - 1) * (scaling + batchSize + agreement + moment + Epochs * epoch + Steps * step + end) + Steps * inputs, sent);

        int ExampleStart(int rank) => sliceStarts[(8 * rank + size - 1) / size];

        int ChannelStart(int rank) => partStarts[5 * rank / size];

        int FeaturesOf(int rank, int features) => features * (rank + 1) / size - features * rank / size;
    }

    [TestMethod]
    [DataRow(2, 0)]
    [DataRow(3, 0)]
    [DataRow(2, 2)]
    public void Inverses_are_shared_out_unless_another_thread_computes_them(int size, int delay)
    {
        // In 9 steps 9 inverses, or 3: after the steps 1, 4 and 8.
        long difference = Sent(period: delay == 0 ? 1 : 3) - Sent(period: 8);

        const int Conv = 10 * 10 + 5 * 5, Dense = 81 * 81 + 3 * 3, MaxRest = 1000;
        long inverses = delay == 0 ? 6 * 4 * (Conv + Dense) : 0;
        Assert.IsGreaterThanOrEqualTo((size - 1) * inverses, difference);
        Assert.IsLessThanOrEqualTo((size - 1) * (inverses + (delay == 0 ? 6 * size * MaxRest : 0)), difference);

        long Sent(int period) => ThreadRanks.Run(size, ranks =>
        {
            Fit(new TrainingOptions
            {
                Network = NetworkSpec.For(8, 8, 1).Conv(5, 3).Relu().MaxPool(2).Flatten().Dense(SyntheticImages.Classes),
                Optimizer = new KfacOptions { Approximation = FisherApproximation.Kronecker, InverseUpdatePeriod = period, InverseDelay = delay },
                Epochs = 1,
                BatchSize = 20,
                Communicator = ranks,
            }, SyntheticImages.Create(180, seed: 1));
            return ranks.BytesSent;
        }).Sum();
    }

    private static void Fit(TrainingOptions options, IImageSource images) => new ImageClassifierTrainer(options).Fit(images);
}
