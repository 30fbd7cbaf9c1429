using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.Data;

/// <summary>Checks and reads image columns.</summary>
internal static class ImageColumn
{
    public static SchemaShape.Column Require(SchemaShape inputSchema, string name)
    {
        SchemaShape.Column column = inputSchema.RequireColumn(name);
        return column.ItemType is ImageDataViewType && column.Kind == SchemaShape.Column.VectorKind.Scalar
            ? column
            : throw SchemaMismatch.WrongType(nameof(inputSchema), "input", name, "Image", column.TypeDescription);
    }

    public static ImageDataViewType RequireType(DataViewSchema.Column column)
        => column.Type as ImageDataViewType
            ?? throw SchemaMismatch.WrongType("inputSchema", "input", column.Name, "Image", column.Type.ToString());

    /// <summary>A getter that makes one image of another; a missing image stays missing.</summary>
    public static Delegate MakeGetter(DataViewRow row, DataViewSchema.Column input, Func<MLImage, MLImage> map)
    {
        ValueGetter<MLImage> getImage = row.GetGetter<MLImage>(input);
        return (ValueGetter<MLImage>)((ref MLImage value) =>
        {
            MLImage image = null;
            getImage(ref image);
            value = image is null ? null : map(image);
        });
    }
}
