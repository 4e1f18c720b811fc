using System.Runtime.InteropServices;
using SkiaSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>What goes into the network at once, on the CPU.</summary>
/// <param name="Images">Shape (N, channels, size, size), normalized: 3 channels, or 1 where grayscale pictures have one mean and deviation.</param>
/// <param name="Labels">Shape (N), int64.</param>
internal sealed record Batch(Tensor Images, Tensor Labels) : IDisposable
{
    /// <summary>Draws pictures as the network sees them.</summary>
    /// <param name="pictures">N of them.</param>
    /// <param name="network">How it sees them.</param>
    /// <param name="augmentation">What is done to them in training; without it they are drawn as they are.</param>
    /// <param name="broken">Takes what is wrong with each picture that cannot be read, which the batch is then without; null throws.</param>
    /// <exception cref="UserException">A picture cannot be read any more.</exception>
    public static Batch Of(IReadOnlyList<Image> pictures, ModelConfig network, Augmentation? augmentation = null, IDictionary<Image, string>? broken = null)
    {
        using var canvas = new Canvas(network.Size, network.Grayscale);
        var area = network.Size * network.Size;
        var tables = network.Normalization.Tables();
        var channels = tables.Length;

        // Straight into libtorch's memory: no large arrays for the garbage collector.
        using var images = empty(pictures.Count, channels, network.Size, network.Size);
        var values = MemoryMarshal.Cast<byte, float>(images.bytes);
        var labels = new List<long>(pictures.Count);
        foreach (var picture in pictures)
        {
            using var image = Decode(picture);
            if (image is null)
                continue;
            canvas.Draw(image, augmentation?.CreateCrop(image.Width, image.Height) ?? Crop.CreateCenter(image.Width, image.Height, network.CropRatio));
            var drawn = values.Slice(labels.Count * channels * area, channels * area);
            for (var channel = 0; channel < channels; channel++)
            {
                canvas.Read(Math.Min(channel, canvas.Channels - 1), drawn.Slice(channel * area, area), tables[channel]); // a grayscale picture's only one again and again
            }
            augmentation?.Erase(drawn, channels, network.Size);
            labels.Add(picture.Label);
        }
        return new Batch(images.narrow(0, 0, labels.Count), tensor(labels));

        SKImage? Decode(Image picture)
        {
            try
            {
                return picture.Decode(network.Size);
            }
            catch (UserException problem) when (broken is not null)
            {
                broken[picture] = problem.Message;
                return null;
            }
        }
    }

    public int Count => (int)Labels.shape[0];

    /// <summary>How many images go into the networks of all ranks at once, with these.</summary>
    public int CountOfAll { get => field > 0 ? field : Count; init; }

    /// <summary>What these count among those of all ranks, as a share of 1: the mean loss of all is the sum of the ranks' mean losses, each times this.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>The images as the network takes them: on its device, with three channels. Those of a grayscale picture are one.</summary>
    public Tensor To(Device device) => Images.to(device).expand(-1, 3, -1, -1);

    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}
