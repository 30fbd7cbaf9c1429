using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Kfac;
using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Mpi;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Parallel;
using Kfac.Training;

// A rank: trains a network on noise and tells its digest, and where it is to, comes to a bad end on the way.
// Arguments: network, optimizer, images, batch size, epochs, threads; then, if any, throw|kill|stop, rank and batch; then, if any,
// the folder of checkpoints, one after every step.
Communicator ranks = MpiCommunicator.IsLaunched ? MpiCommunicator.World : Communicator.Solo;
NetworkSpec network = args[0] switch
{
    "small" => NetworkSpec.For(12, 12, 1).Conv(5, 3).BatchNorm().Relu().MaxPool(2).Conv(17, 3).Relu().MaxPool(2).Flatten().Dense(9).Relu().Dense(3),
    "deep" => NetworkSpec.For(4, 4, 16).Conv(17, 3).BatchNorm().Relu().Conv(32, 3, useBias: false).Gelu().Conv(33, 3).Relu().MaxPool(4).Flatten().Dense(3),
    "M" => NetworkSpec.For(28, 28, 1).Conv(32, 3).Relu().Conv(32, 3).Relu().MaxPool(2).Conv(64, 3).Relu().Conv(64, 3).Relu().MaxPool(2).Flatten().Dense(128).Relu().Dense(10),
    "L" => NetworkSpec.For(32, 32, 3).Conv(32, 3).Relu().Conv(32, 3).Relu().MaxPool(2).Conv(64, 3).Relu().Conv(64, 3).Relu().MaxPool(2)
        .Conv(128, 3).Relu().Conv(128, 3).Relu().MaxPool(2).Flatten().Dense(256).Relu().Dense(10),
    "P" => Block(Block(Block(NetworkSpec.For(32, 32, 3).Conv(24, 2, padding: Padding.Valid).Gelu(), 64), 256), 256).MaxPool(3).Flatten().Dense(10),
    _ => throw new ArgumentException($"the networks are small, deep, M, L and P, but '{args[0]}' was asked for"),
};
OptimizerOptions optimizer = args[1] switch
{
    "sgd" => new SgdOptions(),
    "kfac" => new KfacOptions(),
    _ => new KfacOptions { Approximation = Enum.Parse<FisherApproximation>(args[1]), FactorUpdatePeriod = 2, InverseUpdatePeriod = 3 },
};
int[] numbers = [.. args[2..6].Select(int.Parse)];
string end = args.Length > 6 ? args[6] : "";
(int endRank, int endBatch) = args.Length > 6 ? (int.Parse(args[7]), int.Parse(args[8])) : (-1, -1);

var images = new Noise(network, numbers[0]);
int batch = 0;
var steps = new List<double>();
var clock = Stopwatch.StartNew();
ImageClassifier model = new ImageClassifierTrainer(new TrainingOptions
{
    Network = network,
    Optimizer = optimizer,
    BatchSize = numbers[1],
    Epochs = numbers[2],
    Threads = numbers[3],
    Communicator = ranks,
    CheckpointPath = args.Length > 9 ? args[9] : null,
    CheckpointEvery = CheckpointInterval.Time(TimeSpan.Zero),
    Schedule = new EndingSchedule(() => EndIfDue(++batch)),
    OnBatch = _ =>
    {
        steps.Add(clock.Elapsed.TotalSeconds);
        clock.Restart();
    },
}).Fit(images);

var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
foreach (Kfac.Memory.Parameter parameter in model.Parameters)
{
    digest.AppendData(MemoryMarshal.AsBytes(parameter.Values));
}

Console.WriteLine($"rank {ranks.Rank} of {ranks.Size} digest {Convert.ToHexString(digest.GetHashAndReset())}");
if (ranks.Rank == 0)
{
    double median = steps.Skip(steps.Count / 4).Order().ElementAt((steps.Count - steps.Count / 4) / 2);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"step {median:F5} s, {numbers[1] / median:F0} images/s, {ranks.BytesSent / Math.Max(1, steps.Count)} bytes a step"));
}

static NetworkSpec Block(NetworkSpec spec, int channels) => spec
    .Conv(channels, 3, useBias: false).MaxPool(2).BatchNorm().Gelu()
    .Conv(channels, 3, useBias: false).BatchNorm().Gelu();

void EndIfDue(int now)
{
    if (ranks.Rank != endRank || now < endBatch)
    {
        return;
    }

    switch (end)
    {
        case "throw":
            throw new IOException("the disk is gone");
        case "kill":
            Process.GetCurrentProcess().Kill();
            break;
        case "stop":
            Process.Start("kill", $"-STOP {Environment.ProcessId}").WaitForExit();
            break;
    }
}

/// <summary>Constant; told of every step on every rank, where reports are rank 0's alone.</summary>
internal sealed record EndingSchedule(Action OnStep) : LearningRateSchedule
{
    public override double Factor(double progress, double epoch)
    {
        OnStep();
        return 1;
    }
}

/// <summary>Random images.</summary>
internal sealed class Noise(NetworkSpec network, int count) : IImageSource
{
    public ImageShape Shape => network.Input;

    public int ClassCount => network.Output.Size;

    public int Count => count;

    public int GetLabel(int index) => index % ClassCount;

    public void ReadImage(int index, Span<float> pixels)
    {
        var random = new Random(index);
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = random.Next(256);
        }
    }
}
