using Kfac;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace MLNetKfac.Columns;

/// <summary>What the trainer's options say of the images.</summary>
/// <param name="Shape">Their shape; null where they say nothing of it.</param>
/// <param name="ShapeOption">The option that tells it.</param>
/// <param name="Layout">Order of the values; null where they say nothing of it.</param>
internal sealed record ToldImages(ImageShape? Shape, string ShapeOption, ImageLayout? Layout);

/// <summary>How images lie in a feature column.</summary>
/// <param name="ColumnType">Type of the column: H·W·C values of <see cref="float"/> or <see cref="byte"/>, or images.</param>
/// <param name="Shape">Shape of an image.</param>
/// <param name="Layout">Order of its values; <see cref="ImageLayout.ChannelsLast"/> for images.</param>
internal sealed record PixelFormat(DataViewType ColumnType, ImageShape Shape, ImageLayout Layout)
{
    /// <summary>What a feature column must be, in words.</summary>
    public const string ExpectedType = "a vector of Single or Byte of known size, or an image";

    /// <summary>Rows, columns and channels.</summary>
    private const int ImageDimensions = 3;

    /// <summary>Channels of a colour image where nothing says otherwise.</summary>
    private const int Colours = 3;

    private const string SettleIt = $"set {OptionNames.ImageShape} or {OptionNames.Layout}";

    /// <summary>Whether images of the shape can lie in such a column in this order.</summary>
    public bool IsPossible => ColumnType switch
    {
        VectorDataViewType vector => Readings(vector, Shape).Contains(this),
        ImageDataViewType images => MayHave(images, Shape) && Shape.Channels is 1 or 3 or 4 && Layout == ImageLayout.ChannelsLast,
        _ => false,
    };

    /// <summary>The format of a training column, by its dimensions and by what the options say of it.</summary>
    /// <param name="column">The column.</param>
    /// <param name="told">What the user says of the images.</param>
    /// <param name="firstImageSize">Looks at the first image of a column whose type tells no size.</param>
    /// <exception cref="ArgumentOutOfRangeException">The column does not hold images, or not as the options say, or it could hold them in two ways.</exception>
    public static PixelFormat ForTraining(DataViewSchema.Column column, ToldImages told, Func<(int Height, int Width)> firstImageSize)
    {
        if (column.Type is ImageDataViewType images)
        {
            return ForImages(column, images, told, firstImageSize);
        }

        if (!IsPixelVector(column.Type, out VectorDataViewType type))
        {
            throw Mismatch(column, ExpectedType);
        }

        (ImageShape? shape, ImageLayout? layout) = (told.Shape, told.Layout);
        PixelFormat[] readings = [.. Readings(type, shape)];
        PixelFormat[] fitting = [.. readings.Where(reading => (shape is null || reading.Shape == shape) && (layout is null || reading.Layout == layout))];
        if (shape is null && layout is null && Significant(type).Length == ImageDimensions)
        {
            fitting = [.. fitting.Where(reading => reading.Shape.Channels is 1 or 3 or 4)];
        }

        if (fitting.Length == 1 || (fitting.Length == 2 && Significant(type).Length < ImageDimensions))
        {
            return fitting[0];
        }

        throw (shape, fitting.Length) switch
        {
            (_, 2) => Mismatch(column, $"dimensions that can be read in one way only, or else {SettleIt}"),
            ({ } image, _) => Mismatch(column, $"images of {image} ({image.Size} values) because of {told.ShapeOption}{(layout is { } order ? $" in the order {order}" : "")}"),
            _ when readings.Length == 0 => Mismatch(column, $"[H, W, C], [C, H, W], [H, W] or a flat vector, or else {SettleIt}"),
            _ => Mismatch(column, $"1, 3 or 4 channels in the first or the last dimension, or else {SettleIt}"),
        };
    }

    /// <summary>The format of a column that a model trained on this format is to classify.</summary>
    /// <param name="column">The column.</param>
    /// <param name="told">The order of the values where the user says it; null for that of the model, if the column's dimensions do not tell another.</param>
    /// <exception cref="ArgumentOutOfRangeException">The column does not hold such images.</exception>
    public PixelFormat ForPrediction(DataViewSchema.Column column, ImageLayout? told = null)
    {
        if (ColumnType is ImageDataViewType && column.Type is ImageDataViewType images && MayHave(images, Shape))
        {
            return this with { ColumnType = images };
        }

        PixelFormat[] readings = IsPixelVector(column.Type, out VectorDataViewType type) && type.ItemType == (ColumnType as VectorDataViewType)?.ItemType
            ? [.. Readings(type, Shape).Where(reading => reading.Shape == Shape)]
            : [];
        return readings.FirstOrDefault(reading => reading.Layout == (told ?? Layout))
            ?? (told is null ? readings.FirstOrDefault() : null)
            ?? throw Mismatch(column, ColumnType is VectorDataViewType vector
                ? $"images of {Shape} ({Shape.Size} values of {vector.ItemType}{(told is { } order && readings.Length > 0 ? $" in the order {order} because of {OptionNames.Layout}" : "")}), as the model was trained on"
                : $"an image of {Shape.Height} rows and {Shape.Width} columns, as the model was trained on");
    }

    /// <summary>Whether a column of this kind may hold images, as far as can be told without its dimensions.</summary>
    public static bool MayHoldImages(SchemaShape.Column column) => column.Kind switch
    {
        SchemaShape.Column.VectorKind.Scalar => column.ItemType is ImageDataViewType,
        SchemaShape.Column.VectorKind.Vector => !column.IsKey && IsPixelItem(column.ItemType),
        _ => false,
    };

    private static bool IsPixelItem(DataViewType itemType) => itemType == NumberDataViewType.Single || itemType == NumberDataViewType.Byte;

    /// <summary>The size is that of the type, of the options or of the first image; grey or colour is for the options to say.</summary>
    private static PixelFormat ForImages(
        DataViewSchema.Column column, ImageDataViewType type, ToldImages told, Func<(int Height, int Width)> firstImageSize)
    {
        if (told.Shape is not { } shape)
        {
            (int height, int width) = IsSized(type) ? (type.Height, type.Width) : firstImageSize();
            return new PixelFormat(type, new ImageShape(height, width, Colours), ImageLayout.ChannelsLast);
        }

        return MayHave(type, shape) && shape.Channels is 1 or 3 or 4
            ? new PixelFormat(type, shape, ImageLayout.ChannelsLast)
            : throw Mismatch(column, $"images of {shape} because of {told.ShapeOption}, grey (1 channel), RGB (3) or RGBA (4)");
    }

    private static bool IsSized(ImageDataViewType type) => type is { Height: > 0, Width: > 0 };

    private static bool MayHave(ImageDataViewType type, ImageShape shape) => !IsSized(type) || (type.Height == shape.Height && type.Width == shape.Width);

    /// <summary>
    /// What was decided where a flat vector could be a picture as well, and how to say otherwise; null where there is no doubt.
    /// </summary>
    public string? Ambiguity(DataViewSchema.Column features, ToldImages told)
    {
        if (!Shape.IsFlat || told.Shape is not null)
        {
            return null;
        }

        int side = (int)Math.Round(Math.Sqrt(Shape.Size));
        string example = side * side == Shape.Size ? $"new ImageShape({side}, {side}, 1)" : "new ImageShape(height, width, channels)";
        return $"'{features.Name}' ({features.Type}) is taken as {Shape.Size} features without rows and columns, for a dense network; if they are pixels, set {nameof(KfacImageClassificationTrainer.Options.ImageShape)}, as in {example}";
    }

    /// <summary>
    /// The dimensions that tell of rows, columns and channels: those of 1 are ignored where a vector has only one other, or
    /// more dimensions than an image.
    /// </summary>
    private static int[] Significant(VectorDataViewType type)
    {
        int[] others = [.. type.Dimensions.Where(dimension => dimension != 1)];
        return others.Length <= 1 ? [others.SingleOrDefault(1)] : type.Dimensions.Length > ImageDimensions ? others : [.. type.Dimensions];
    }

    /// <summary>The ways in which a vector can be read as an image: flat ones as one of <paramref name="shape"/>, or as features without rows and columns.</summary>
    private static IEnumerable<PixelFormat> Readings(VectorDataViewType type, ImageShape? shape)
    {
        switch (Significant(type))
        {
            case [int a, int b, int c]:
                yield return new PixelFormat(type, new ImageShape(a, b, c), ImageLayout.ChannelsLast);
                yield return new PixelFormat(type, new ImageShape(b, c, a), ImageLayout.ChannelsFirst);
                break;
            case [int height, int width]:
                yield return new PixelFormat(type, new ImageShape(height, width, 1), ImageLayout.ChannelsLast);
                yield return new PixelFormat(type, new ImageShape(height, width, 1), ImageLayout.ChannelsFirst);
                break;
            case [int size]:
                ImageShape image = shape ?? ImageShape.Flat(size);
                if (image.Size == size)
                {
                    yield return new PixelFormat(type, image, ImageLayout.ChannelsLast);
                    yield return new PixelFormat(type, image, ImageLayout.ChannelsFirst);
                }

                break;
        }
    }

    private static bool IsPixelVector(DataViewType type, out VectorDataViewType vector)
    {
        vector = (type as VectorDataViewType)!;
        return vector is { IsKnownSize: true } && IsPixelItem(vector.ItemType);
    }

    private static ArgumentOutOfRangeException Mismatch(DataViewSchema.Column column, string expected) =>
        ColumnMismatch.Create(OptionNames.FeatureColumn, column.Name, expected, column.Type.ToString());
}
