using Kfac.Curvature;
using Kfac.Images;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Fuzz;

/// <summary>Tiny trainings that were interrupted, and go on from any checkpoint or refuse it.</summary>
public sealed class InterruptedTrainings : IDisposable
{
    private static readonly ImageSet Images = ImageSet.Of(SyntheticImages.Create(24, seed: 1)), Validation = ImageSet.Of(SyntheticImages.Create(9, seed: 2));

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    /// <summary>Makes the folder of their checkpoints.</summary>
    /// <param name="pooling">Rows and columns of a pooling of 8 x 8 pixels: 4 makes small checkpoints.</param>
    public InterruptedTrainings(int pooling)
    {
        var options = new TrainingOptions
        {
            Network = NetworkSpec.For(8, 8, 1).MaxPool(pooling).Conv(2, 3).BatchNorm().Flatten().Dense(3),
            Epochs = 2,
            EarlyStopping = new EarlyStopping(),
            ParameterAveragingEpochs = 1,
            BatchSize = 12,
            Threads = 1,
            CheckpointPath = _folder,
            CheckpointEvery = CheckpointInterval.Time(TimeSpan.Zero),
        };
        Options =
        [
            options with { Optimizer = new AdamOptions() },
            options with { Optimizer = new KfacOptions { Approximation = FisherApproximation.Kronecker, InverseUpdatePeriod = 2, InverseDelay = 1, FactorUpdatePeriod = 1 } },
            options with { Optimizer = new KfacOptions { Approximation = FisherApproximation.Ekfac, DampingAdaptation = DampingAdaptation.LevenbergMarquardt } },
        ];
    }

    /// <summary>The options of each training: two epochs of two steps, with a checkpoint after each step.</summary>
    public IReadOnlyList<TrainingOptions> Options { get; }

    /// <summary>The checkpoint of a training that was interrupted after the first of the two steps of its second epoch.</summary>
    public byte[] Interrupt(TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Clear();
        try
        {
            new ImageClassifierTrainer(options with { OnBatch = report => _ = report is { Epoch: 2, Batch: 2 } ? throw new TimeoutException() : 0 }).Fit(Images, Validation, previous: null);
        }
        catch (TimeoutException)
        {
            return File.ReadAllBytes(Directory.GetFiles(_folder, "*.kfac").Max()!);
        }

        throw new InvalidOperationException("the training should end after the first step of its second epoch, but went on");
    }

    /// <summary>Goes on from a checkpoint to a finite model, or has it refused by the exceptions that say so.</summary>
    /// <param name="options">Those of the training.</param>
    /// <param name="file">The checkpoint.</param>
    /// <param name="what">For messages.</param>
    /// <returns>Whether it went on.</returns>
    /// <exception cref="InvalidOperationException">It ends in another exception, or in a model that cannot be.</exception>
    public bool Resumes(TrainingOptions options, byte[] file, string what)
    {
        ArgumentNullException.ThrowIfNull(options);
        Clear();
        File.WriteAllBytes(Path.Combine(_folder, "checkpoint-000000001.kfac"), file);
        try
        {
            ImageClassifier model = new ImageClassifierTrainer(options).Fit(Images, Validation, previous: null);
            bool isWhole = model.History.Count == 2
                && model.History.All(report => report.TrainingAccuracy is >= 0 and <= 1 && report.Epochs == 2)
                && model.Parameters.All(parameter => parameter.Values.ToArray().All(float.IsFinite));
            return isWhole ? true : throw new InvalidOperationException($"a finite model of two epochs was expected, but there is one of [{string.Join("; ", model.History)}]");
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException or TrainingDivergedException)
        {
            return false;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{what} ended in {e}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Clear() => Array.ForEach(Directory.GetFiles(_folder), File.Delete);
}
