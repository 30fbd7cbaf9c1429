using Kfac;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MLNetKfac;

namespace ImageFolder;

/// <summary>What a saved model says of pictures.</summary>
internal static class TrainedModel
{
    private const int Shown = 3;

    public static void Classify(MLContext mlContext, string modelPath, IEnumerable<string> pictures)
    {
        KfacImageClassificationTransformer classifier = KfacImageClassificationTransformer.FindIn(mlContext.Model.Load(modelPath, out _));
        ImageShape shape = classifier.Model.Network.Input;
        using PredictionEngine<Picture, Guess> engine = mlContext.Model.CreatePredictionEngine<Picture, Guess>(classifier, inputSchemaDefinition: Picture.SchemaFor(shape));
        foreach (string path in pictures)
        {
            using MLImage image = ImageFile.Read(path, shape.Height, shape.Width);
            Console.WriteLine(path);
            foreach ((float probability, string name) in engine.Predict(new Picture { Image = image }).Score.Zip(classifier.Model.ClassNames!).OrderDescending().Take(Shown))
            {
                Console.WriteLine($"{probability,9:P1} {name}");
            }
        }
    }

    private sealed class Picture
    {
        [ImageType(1, 1)]
        public MLImage? Image { get; set; }

        /// <summary>The size of the model's images is known at run time only; ML.NET learns it by the attribute.</summary>
        public static SchemaDefinition SchemaFor(ImageShape shape)
        {
            new ImageTypeAttribute(shape.Height, shape.Width).Register();
            SchemaDefinition schema = SchemaDefinition.Create(typeof(Picture));
            schema[nameof(Image)].ColumnType = new ImageDataViewType(shape.Height, shape.Width);
            return schema;
        }
    }

    private sealed class Guess
    {
        /// <summary>A probability for each class.</summary>
        public float[] Score { get; set; } = [];
    }
}
