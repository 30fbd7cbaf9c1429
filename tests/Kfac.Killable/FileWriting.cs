using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;
using Kfac.Tests.Images;
using Kfac.Training;

namespace Kfac.Killable;

/// <summary>Writes a file of each kind that the library writes, where there may be no room for it.</summary>
public static class FileWriting
{
    private static readonly TrainingOptions Options = new()
    {
        Network = NetworkSpec.For(8, 8, 1).Flatten().Dense(100).Relu().Dense(SyntheticImages.Classes),
        Optimizer = new SgdOptions(),
        Epochs = 2,
        Threads = 1,
    };

    private static readonly Lazy<ImageClassifier> Model = new(() => Train(Options));

    /// <summary>Writes a file.</summary>
    /// <param name="kind"><c>model</c>, <c>onnx</c> or <c>checkpoint</c>.</param>
    /// <param name="path">Where to; for checkpoints, a folder.</param>
    /// <returns>Null, or the sentence that said that it was not written.</returns>
    public static string? TryWrite(string kind, string path)
    {
        var warnings = new List<string>();
        try
        {
            switch (kind)
            {
                case "model":
                    Model.Value.Save(path, withOptimizerState: true);
                    break;
                case "onnx":
                    Model.Value.ExportToOnnx(path);
                    break;
                default:
                    Train(Options with { CheckpointPath = path, OnWarning = warnings.Add });
                    break;
            }
        }
        catch (IOException e)
        {
            return e.Message;
        }

        return warnings.Count == 0 ? null : string.Join(Environment.NewLine, warnings);
    }

    private static ImageClassifier Train(TrainingOptions options) => new ImageClassifierTrainer(options).Fit(SyntheticImages.Create(60, seed: 1));
}
