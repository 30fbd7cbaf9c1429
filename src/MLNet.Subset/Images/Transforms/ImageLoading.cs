using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

[assembly: LoadableClass(
    typeof(ImageLoadingTransformer), null, typeof(SignatureLoadModel), "Load images", ImageLoadingTransformer.LoaderSignature)]

namespace Microsoft.ML.Data;

/// <summary>Loads the images that a text column names.</summary>
public sealed class ImageLoadingEstimator : TrivialEstimator<ImageLoadingTransformer>
{
    private readonly InputOutputColumnPair[] _columns;

    internal ImageLoadingEstimator(InputOutputColumnPair[] columns, string imageFolder)
        : base(new ImageLoadingTransformer(columns, imageFolder))
    {
        _columns = columns;
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return inputSchema.With(_columns.Select(pair =>
        {
            SchemaShape.Column input = inputSchema.RequireColumn(pair.InputColumnName);
            return input.ItemType is TextDataViewType && input.Kind == SchemaShape.Column.VectorKind.Scalar
                ? new SchemaShape.Column(pair.OutputColumnName, new ImageDataViewType())
                : throw SchemaMismatch.WrongType(nameof(inputSchema), "input", input.Name, "String", input.TypeDescription);
        }));
    }
}

/// <summary>Loads images from files; empty text gives no image.</summary>
public sealed class ImageLoadingTransformer : OneToOneTransformerBase
{
    /// <summary>Where the files lie; null if their paths are complete.</summary>
    public readonly string ImageFolder;

    internal const string LoaderSignature = "LoadImages";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBIMGLD");

    internal ImageLoadingTransformer(InputOutputColumnPair[] columns, string imageFolder)
        : base(columns)
    {
        if (!string.IsNullOrEmpty(imageFolder))
        {
            ImageFolder = Directory.Exists(imageFolder)
                ? Path.GetFullPath(imageFolder)
                : throw new ArgumentException($"There is no folder {imageFolder}.", nameof(imageFolder));
        }
    }

    private ImageLoadingTransformer(BinaryReader reader)
        : base(reader)
    {
        string imageFolder = reader.ReadString();
        ImageFolder = imageFolder.Length > 0 ? imageFolder : null;
    }

    private protected override TransformerFormat Format => OwnFormat;

    private protected override OneToOneColumn BindColumn(int pair, DataViewSchema.Column input)
        => input.Type is TextDataViewType
            ? new OneToOneColumn(input, ColumnPairs[pair].OutputColumnName, new ImageDataViewType(), null, row => MakeGetter(row, input))
            : throw SchemaMismatch.WrongType("inputSchema", "input", input.Name, "String", input.Type.ToString());

    private protected override void Write(BinaryWriter writer)
    {
        base.Write(writer);
        writer.Write(ImageFolder ?? "");
    }

    private static ImageLoadingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(OwnFormat.Open(ctx));

    private ValueGetter<MLImage> MakeGetter(DataViewRow row, DataViewSchema.Column input)
    {
        ValueGetter<ReadOnlyMemory<char>> getName = row.GetGetter<ReadOnlyMemory<char>>(input);
        ReadOnlyMemory<char> name = default;
        return (ref MLImage value) =>
        {
            getName(ref name);
            value = name.IsEmpty ? null : Load(Path.Combine(ImageFolder ?? "", name.ToString()));
        };
    }

    private static MLImage Load(string path)
    {
        using FileStream stream = File.OpenRead(path);
        try
        {
            MLImage image = MLImage.CreateFromStream(stream);
            image.Tag = path;
            return image;
        }
        catch (Exception error) when (error is ArgumentException or FormatException)
        {
            throw new ArgumentException($"{path} cannot be read as an image. {error.Message}", error);
        }
    }
}
