using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A ResNet-18 that was trained on ImageNet. Its file comes with the program, so nothing is downloaded.</summary>
/// <remarks>
/// The file comes from the NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 (MIT) and was written by CNTK. Its last stage has one block more than a
/// ResNet-18, and it has no classifier. Its input channels are blue, green and red from 0 to 255, minus the mean of its training images.
/// </remarks>
internal static class BundledImageNet
{
    /// <summary>The block that a ResNet-18 does not have. The features separate images equally well without it.</summary>
    private const string ExtraBlock = "layer4.2.";

    /// <summary>The means that the file's network subtracts from red, green and blue: those of the package's mean image.</summary>
    private static readonly double[] subtracted = [123.15163078, 115.90288236, 103.06262402];

    /// <summary>The file's path.</summary>
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "ResNet18.ImageNet.onnx");

    /// <summary>Creates a network with these weights, in training mode, for images with ImageNet's normalization, as torchvision's networks take them.</summary>
    /// <param name="num_classes">The number of classes. The classifier has its initial weights.</param>
    /// <param name="device">The network's device; null is the default device.</param>
    /// <returns>A network with <see cref="Stem.Conv7MaxPool"/>, in float32.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="num_classes"/> is less than 1.</exception>
    /// <exception cref="InvalidOperationException"><paramref name="device"/> is not available on this machine.</exception>
    /// <exception cref="InvalidDataException">The file is not that of the package.</exception>
    /// <exception cref="IOException">The file is missing (<see cref="FileNotFoundException"/>) or cannot be read.</exception>
    public static ResNet18 Load(long num_classes, Device? device = null)
    {
        var model = new ResNet18(num_classes, Stem.Conv7MaxPool, device, ScalarType.Float32);
        try
        {
            LoadInto(model);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Loads the weights into a network and leaves its classifier unchanged.</summary>
    /// <param name="model">A ResNet-18 with <see cref="Stem.Conv7MaxPool"/>. A refused file may leave it modified.</param>
    /// <exception cref="InvalidDataException">The file is not that of the package.</exception>
    /// <exception cref="IOException">The file is missing (<see cref="FileNotFoundException"/>) or cannot be read.</exception>
    public static void LoadInto(ResidualNetwork model)
    {
        Check(Checkpoint.Load(model, Path, strict: false));
        TakeNormalizedRgb(model);
    }

    /// <summary>Refuses any other difference, because the network would be a different one.</summary>
    private static void Check(LoadReport report)
    {
        var unexpected = report.Unexpected.Where(name => !name.StartsWith(ExtraBlock, StringComparison.Ordinal)).ToList();
        if (!report.Missing.Order(StringComparer.Ordinal).SequenceEqual(["fc.bias", "fc.weight"]) || unexpected.Count > 0 || report.Mismatched.Count > 0 || report.StemMismatch is not null)
            throw new InvalidDataException($"{Path}: expected a ResNet18 without its classifier, and in addition only a block {ExtraBlock.TrimEnd('.')}, got: {report}");
    }

    /// <summary>
    /// Folds the preprocessing into the first layer: <c>conv(255 (deviation x + mean) - subtracted)</c>, with reordered channels, is a convolution of x with
    /// other weights plus a constant, which moves into the batch norm's mean. The results differ only at the border, where the padding is now ImageNet's mean instead of
    /// the subtracted one: by half a level of 255.
    /// </summary>
    public static void TakeNormalizedRgb(ResidualNetwork model)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (weight, running_mean) = (model.conv1.weight!, model.bn1.running_mean!);
        Tensor CreateChannels(Func<int, double> value) => tensor(Enumerable.Range(0, 3).Select(value).ToArray(), ScalarType.Float64, weight.device).view(1, 3, 1, 1);

        var rgb = weight.to(ScalarType.Float64).flip(1);
        var constant = (rgb * CreateChannels(i => 255 * Normalization.ImageNet.Mean[i] - subtracted[i])).sum([1, 2, 3]);
        weight.copy_(rgb * CreateChannels(i => 255 * Normalization.ImageNet.StandardDeviation[i]));
        running_mean.copy_(running_mean.to(ScalarType.Float64) - constant);
    }
}
