using SkiaSharp;

namespace ResNet.Train;

/// <summary>A picture and the number of its class.</summary>
internal abstract class Picture(int label)
{
    public int Label => label;

    /// <summary>What messages call it.</summary>
    public abstract string Name { get; }

    /// <summary>Its pixels, upright and opaque.</summary>
    /// <param name="size">What it will be drawn at. A much larger picture may come smaller, with twice that in height and width.</param>
    /// <exception cref="UserException">It is broken, or no picture.</exception>
    public abstract SKImage Decode(int size);
}
