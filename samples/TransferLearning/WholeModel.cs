using Microsoft.ML;
using MLNetKfac;

namespace TransferLearning;

/// <summary>Pre-trained network and head in one model file.</summary>
internal static class WholeModel
{
    /// <summary>Pictures to try it on, of a share of each class so small that it is one picture.</summary>
    private const int Tried = 8;

    private const double TriedFraction = 1e-6;

    /// <summary>Saves the model, loads it back and has it classify some pictures.</summary>
    public static void SaveAndTry(MLContext mlContext, ResNetFeatures features, ITransformer head, ImageFolderDataView pictures, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        mlContext.Model.SaveAtomically(features.Featurizer.Append(head), pictures.Schema, path);
        Console.WriteLine($"{path}: {new FileInfo(path).Length / 1e6:F1} MB, network and head; loaded back, it says:");
        ITransformer loaded = mlContext.Model.Load(path, out _);
        IDataView some = mlContext.Data.TakeRows(pictures.Split(TriedFraction, seed: 1).Test, Tried);
        foreach (Row row in mlContext.Data.CreateEnumerable<Row>(loaded.Transform(some), reuseRowObject: false))
        {
            Console.WriteLine($"  {row.Score.Max(),7:P1} {row.PredictedLabel,-12} {row.Path}");
        }
    }

    private sealed class Row
    {
        public string Path { get; set; } = "";

        /// <summary>The most probable class.</summary>
        public string PredictedLabel { get; set; } = "";

        /// <summary>A probability for each class.</summary>
        public float[] Score { get; set; } = [];
    }
}
