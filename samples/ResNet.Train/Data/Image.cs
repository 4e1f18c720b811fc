using SkiaSharp;

namespace ResNet.Train;

/// <summary>An image and the number of its class.</summary>
internal abstract class Image(int label)
{
    public int Label { get; private set; } = label;

    /// <summary>The image's name in messages.</summary>
    public abstract string Name { get; }

    /// <returns>The image's name within a folder, independent of the folder's location: a file's relative path with slashes.</returns>
    public virtual string GetNameIn(string folder) => Name;

    /// <returns>A short digest of the image's content.</returns>
    /// <exception cref="UserException">The image cannot be read.</exception>
    public abstract string ComputeDigest();

    /// <summary>The width and height of the image from <see cref="Decode"/> for the network's input size, set by a <see cref="DatasetScan"/>.</summary>
    public (int Width, int Height) Extent { get; set; }

    /// <returns>The same image with another class number.</returns>
    public Image Relabel(int label)
    {
        var image = (Image)MemberwiseClone();
        image.Label = label;
        return image;
    }

    /// <summary>Decodes the image, upright and opaque.</summary>
    /// <param name="size">The size to draw it at. A much larger image may be decoded smaller, to twice this height and width.</param>
    /// <exception cref="UserException">The image is broken, or the file is no image.</exception>
    public abstract SKImage Decode(int size);
}
