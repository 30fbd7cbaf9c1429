using Kfac.Images;
using Kfac.Models;
using Kfac.Optimizers;
using Kfac.Training;

namespace Kfac.Fuzz;

/// <summary>What a model must be good for once it has loaded, and how often it was used so.</summary>
public sealed class ModelUse
{
    /// <summary>Optimizers that train models.</summary>
    public static IReadOnlyList<OptimizerOptions> Optimizers { get; } = [new SgdOptions(), new AdamOptions(), new MuonOptions(), new KfacOptions()];

    /// <summary>Models that predicted and were exported.</summary>
    public int Predicted { get; private set; }

    /// <summary>Models that were trained on from those.</summary>
    public int Trained { get; private set; }

    /// <summary>Trainings that diverged, and said so.</summary>
    public int Diverged { get; private set; }

    /// <summary>The bytes of a model's file.</summary>
    public static byte[] Save(ImageClassifier model, bool withOptimizerState = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var stream = new MemoryStream();
        model.Save(stream, withOptimizerState);
        return stream.ToArray();
    }

    /// <summary>Saves and loads a model, and where its network is small predicts with it, exports it and trains on from it.</summary>
    /// <param name="model">It has just been loaded.</param>
    /// <param name="optimizer">Trains; null for no training.</param>
    /// <param name="what">For messages.</param>
    /// <returns>Whether it predicted: its network is small.</returns>
    /// <exception cref="InvalidOperationException">It is not good for one of these.</exception>
    public bool Use(ImageClassifier model, OptimizerOptions? optimizer, string what)
    {
        ArgumentNullException.ThrowIfNull(model);
        try
        {
            byte[] file = Save(model, withOptimizerState: true);
            Require(file.AsSpan().SequenceEqual(Save(ImageClassifier.Load(new MemoryStream(file)), withOptimizerState: true)), "another file when saved for the second time");
            if (!SmallNetwork.IsSmall(model.Spec))
            {
                return false;
            }

            Predict(model);
            if (optimizer is not null)
            {
                Predict(Train(model, optimizer));
            }

            return true;
        }
        catch (TrainingDivergedException)
        {
            Diverged++;
            return true;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{what} loads, but ends in {e}", e);
        }
    }

    private void Predict(ImageClassifier model)
    {
        using (ImagePredictor predictor = model.CreatePredictor())
        {
            predictor.Predict(new float[model.InputShape.Size], new float[model.ClassCount]);
        }

        using var stream = new MemoryStream();
        model.ExportToOnnx(stream);
        Require(stream.Length > sizeof(float) * model.Parameters.Sum(parameter => (long)parameter.Length), "an ONNX file without all parameters");
        Predicted++;
    }

    private ImageClassifier Train(ImageClassifier model, OptimizerOptions optimizer)
    {
        var images = new MemoryImageSource(model.InputShape, model.ClassCount);
        var random = new Random(1);
        for (int n = 0; n < 4; n++)
        {
            images.Add([.. Enumerable.Range(0, model.InputShape.Size).Select(_ => random.NextSingle())], n % model.ClassCount);
        }

        ImageClassifier trained = new ImageClassifierTrainer(new TrainingOptions { Optimizer = optimizer, Epochs = 1, BatchSize = 2, Threads = 1 }).Fit(ImageSet.Of(images), null, model);
        Require(trained.History.Count == model.History.Count + 1, $"a history of {trained.History.Count} epochs after one more than {model.History.Count}");
        Trained++;
        return trained;
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new InvalidOperationException(otherwise);
        }
    }
}
