namespace MLNetKfac;

/// <summary>In which order the values of an image follow each other in a feature vector.</summary>
public enum ImageLayout
{
    /// <summary>Rows, columns, channels; channels fastest: what <c>ExtractPixels</c> gives with <c>interleavePixelColors: true</c>.</summary>
    ChannelsLast,

    /// <summary>Channels, rows, columns; columns fastest: what <c>ExtractPixels</c> gives by default.</summary>
    ChannelsFirst,
}
