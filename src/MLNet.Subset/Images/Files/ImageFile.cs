namespace Microsoft.ML.Data;

/// <summary>Tells image formats apart.</summary>
internal static class ImageFile
{
    private const string OtherFormats = "this stand-in for ML.NET knows PNG, BMP, PGM and PPM; for others use the package Microsoft.ML.ImageAnalytics";

    public static MLImage Decode(byte[] content)
        => PngDecoder.Recognizes(content) ? PngDecoder.Decode(content)
            : BmpFile.Recognizes(content) ? BmpFile.Decode(content)
            : NetpbmDecoder.Recognizes(content) ? NetpbmDecoder.Decode(content)
            : throw new ArgumentException($"Not an image of a known format: {OtherFormats}.", nameof(content));

    public static byte[] Encode(MLImage image, string extension)
        => extension.ToUpperInvariant() switch
        {
            ".PNG" => PngEncoder.Encode(image),
            ".BMP" => BmpFile.Encode(image),
            _ => throw new ArgumentException($"Images are not written as '{extension}': PNG and BMP are, {OtherFormats}.", nameof(extension)),
        };
}
