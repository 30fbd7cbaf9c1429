using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace MLNetKfac.Tool.Data;

/// <summary>A row of the data: an image and what it shows. <see cref="SchemaFor"/> sets the size of the images.</summary>
internal sealed class ImageRow
{
    [ImageType(1, 1)]
    public MLImage? Image { get; set; }

    public string Label { get; set; } = "";

    /// <summary>The schema of such rows with images of one size.</summary>
    public static SchemaDefinition SchemaFor(int height, int width)
    {
        // ML.NET learns an image type by its attribute, also where the attribute's size is known at run time only.
        new ImageTypeAttribute(height, width).Register();
        SchemaDefinition schema = SchemaDefinition.Create(typeof(ImageRow));
        schema[nameof(Image)].ColumnType = new ImageDataViewType(height, width);
        return schema;
    }
}

/// <summary>What a classifier makes of a row.</summary>
internal sealed class ImageScores
{
    public float[] Score { get; set; } = [];
}

/// <summary>A row of pixels and what it shows.</summary>
internal sealed class PixelRow
{
    public float[] Pixels { get; set; } = [];

    public string Label { get; set; } = "";
}

/// <summary>A class, in its place among the others.</summary>
internal sealed class ClassName
{
    public string Label { get; set; } = "";
}
