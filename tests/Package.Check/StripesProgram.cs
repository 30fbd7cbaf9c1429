using Microsoft.ML;

namespace PackageCheck;

/// <summary>The second process: loads a model, and names nothing of the component that made it.</summary>
internal static class StripesProgram
{
    private static void Main(string[] args)
    {
        MLContext mlContext = new();
        ITransformer model = mlContext.Model.Load(args[0], out _);
        foreach (string line in Classify(mlContext, model))
        {
            Console.WriteLine(line);
        }
    }

    /// <summary>A line for each of some pictures: its class and the bits of the probabilities.</summary>
    public static IEnumerable<string> Classify(MLContext mlContext, ITransformer model) =>
        mlContext.Data.CreateEnumerable<ClassifiedStripes>(model.Transform(Stripes.Load(mlContext, count: 10, seed: 3)), reuseRowObject: false)
            .Select(stripes => $"{stripes.PredictedLabel} {string.Join(' ', stripes.Score.Select(BitConverter.SingleToUInt32Bits))}");
}
