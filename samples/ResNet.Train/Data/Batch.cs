using System.Runtime.InteropServices;
using SkiaSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A batch of images, on the CPU.</summary>
/// <param name="Images">The normalized images, shape (N, channels, size, size): 3 channels, or 1 for grayscale images with a single mean and deviation.</param>
/// <param name="Labels">The labels, shape (N), int64.</param>
internal sealed record Batch(Tensor Images, Tensor Labels) : IDisposable
{
    /// <summary>Decodes images and crops and normalizes them for the network.</summary>
    /// <param name="sources">The images.</param>
    /// <param name="network">The model config.</param>
    /// <param name="augmentation">The random changes for training; null takes the center crops.</param>
    /// <param name="broken">Receives a message for each unreadable image, which the batch leaves out; null throws instead.</param>
    /// <exception cref="UserException">An image can no longer be read.</exception>
    public static Batch Decode(IReadOnlyList<Image> sources, ModelConfig network, Augmentation? augmentation = null, IDictionary<Image, string>? broken = null)
    {
        using var canvas = new Canvas(network.Size, network.Grayscale);
        var area = network.Size * network.Size;
        var tables = network.Normalization.CreateTables();
        var channels = tables.Length;

        // Writes into libtorch's memory, which keeps large arrays from the garbage collector.
        using var images = empty(sources.Count, channels, network.Size, network.Size);
        var values = MemoryMarshal.Cast<byte, float>(images.bytes);
        var labels = new List<long>(sources.Count);
        foreach (var source in sources)
        {
            using var image = DecodeOne(source);
            if (image is null)
                continue;
            canvas.Draw(image, augmentation?.CreateCrop(image.Width, image.Height) ?? Crop.CreateCenter(image.Width, image.Height, network.CropRatio));
            var drawn = values.Slice(labels.Count * channels * area, channels * area);
            for (var channel = 0; channel < channels; channel++)
            {
                canvas.Read(Math.Min(channel, canvas.Channels - 1), drawn.Slice(channel * area, area), tables[channel]); // a grayscale image's only channel feeds all three
            }
            augmentation?.Erase(drawn, channels, network.Size);
            labels.Add(source.Label);
        }
        return new Batch(images.narrow(0, 0, labels.Count), tensor(labels));

        SKImage? DecodeOne(Image source)
        {
            try
            {
                return source.Decode(network.Size);
            }
            catch (UserException problem) when (broken is not null)
            {
                broken[source] = problem.Message;
                return null;
            }
        }
    }

    public int Count => (int)Labels.shape[0];

    /// <summary>The number of images in the batches of all ranks together.</summary>
    public int CountOfAll { get => field > 0 ? field : Count; init; }

    /// <summary>The weight of this rank's mean loss. The mean loss over all ranks is the weighted sum of the ranks' mean losses.</summary>
    public double Weight { get; init; } = 1;

    /// <returns>The images for the network: on its device, with three channels. A grayscale image's three channels share memory.</returns>
    public Tensor To(Device device) => Images.to(device).expand(-1, 3, -1, -1);

    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}
