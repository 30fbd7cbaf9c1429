using Microsoft.ML;
using Microsoft.ML.Data;

// LoadOnly MODEL IMAGES: classifies images of 8x8 little-endian floats; a line for each with the key and the bits of the scores.
var context = new MLContext();
ITransformer model = context.Model.Load(args[0], out DataViewSchema inputSchema);
float[] pixels = [.. File.ReadAllBytes(args[1]).Chunk(sizeof(float)).Select(bytes => BitConverter.ToSingle(bytes))];
IDataView images = context.Data.LoadFromEnumerable(pixels.Chunk(Image.Size).Select(features => new Image { Features = features, Kind = "" }));
foreach (Classified classified in context.Data.CreateEnumerable<Classified>(model.Transform(images), reuseRowObject: false))
{
    Console.WriteLine($"{classified.PredictedLabel} {string.Join(' ', classified.Score.Select(BitConverter.SingleToUInt32Bits))}");
}

Console.WriteLine($"input: {string.Join(' ', inputSchema.Select(column => column.Name))}");

internal sealed class Image
{
    public const int Size = 64;

    [VectorType(Size)]
    public float[] Features { get; set; } = [];

    public string Kind { get; set; } = "";
}

internal sealed class Classified
{
    [KeyType(3)]
    public uint PredictedLabel { get; set; }

    public float[] Score { get; set; } = [];
}
