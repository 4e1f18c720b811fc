namespace ResNet.Train;

/// <summary>The formats that are decoded. What is not one of them never reaches the decoder, which reads more, not all of it safely.</summary>
internal enum ImageFormat
{
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
}
