using Microsoft.ML;
using MLNetKfac;
using Samples.Terminal;
using Spectre.Console;

namespace ImageFolder;

/// <summary>What a saved model says of pictures.</summary>
internal static class TrainedModel
{
    public static void Classify(MLContext mlContext, string modelPath, IEnumerable<string> pictures)
    {
        ITransformer model = mlContext.Model.Load(modelPath, out DataViewSchema inputSchema);
        IReadOnlyList<string> classNames = Of(model).Model.ClassNames!;
        using PredictionEngine<PictureFile, ClassifiedPicture> engine = mlContext.Model.CreatePredictionEngine<PictureFile, ClassifiedPicture>(model, inputSchema);
        foreach (string path in pictures)
        {
            ClassifiedPicture picture = Classify(engine, path);
            int side = (int)Math.Sqrt(picture.Features.Length / 3), plane = side * side;
            Picture.Show(
                side, side, (row, column) => new Color(Level(0, row, column), Level(1, row, column), Level(2, row, column)),
                [Path.GetFileName(path).EscapeMarkup(), "", .. Guesses.Lines(picture.Score, classNames)]);

            byte Level(int channel, int row, int column) => (byte)picture.Features[channel * plane + row * side + column];
        }
    }

    private static ClassifiedPicture Classify(PredictionEngine<PictureFile, ClassifiedPicture> engine, string path)
    {
        try
        {
            return engine.Predict(new PictureFile { Path = path });
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException)
        {
            throw new FormatException($"{path} cannot be classified: {e.GetBaseException().Message}");
        }
    }

    /// <summary>The classifier at the end of the pipeline.</summary>
    public static KfacImageClassificationTransformer Of(ITransformer model) =>
        ((IEnumerable<ITransformer>)model).OfType<KfacImageClassificationTransformer>().Single();
}
