namespace ResNet.Train;

/// <summary>The image formats that the program decodes. Skia knows more formats, but its decoders for some of them are not safe.</summary>
internal enum ImageFormat
{
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
}
