using SkiaSharp;

namespace ResNet.Train;

/// <summary>A picture and the number of its class.</summary>
internal abstract class Image(int label)
{
    public int Label { get; private set; } = label;

    /// <summary>What messages call it.</summary>
    public abstract string Name { get; }

    /// <summary>What it is called within a folder, wherever the folder lies: a file's path with slashes.</summary>
    public virtual string NameIn(string folder) => Name;

    /// <summary>A short text that is another one where the image is.</summary>
    /// <exception cref="UserException">It cannot be read.</exception>
    public abstract string Digest();

    /// <summary>Width and height of what <see cref="Decode"/> gives for the size that the network sees, as a <see cref="DatasetScan"/> has found them.</summary>
    public (int Width, int Height) Extent { get; set; }

    /// <summary>The same image under the number that another list of classes has for its class.</summary>
    public Image Relabel(int label)
    {
        var picture = (Image)MemberwiseClone();
        picture.Label = label;
        return picture;
    }

    /// <summary>Its pixels, upright and opaque.</summary>
    /// <param name="size">What it will be drawn at. A much larger picture may come smaller, with twice that in height and width.</param>
    /// <exception cref="UserException">It is broken, or no picture.</exception>
    public abstract SKImage Decode(int size);
}
