using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A ResNet-18 that was trained on ImageNet and lies beside the program: to use it nothing is fetched.</summary>
/// <remarks>
/// The file is that of the NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 (MIT), which CNTK wrote. Its last layer has one block more than a
/// ResNet-18, and it has no classifier. It takes channels in the order blue, green, red from 0 to 255, less the mean of the images that it was trained on.
/// </remarks>
internal static class BundledImageNet
{
    /// <summary>The block that a ResNet-18 does not have. Without it the features tell images apart as well.</summary>
    private const string ExtraBlock = "layer4.2.";

    /// <summary>What the file's network has subtracted, of each channel in the order red, green, blue: the means of the mean image in the package.</summary>
    private static readonly double[] subtracted = [123.15163078, 115.90288236, 103.06262402];

    /// <summary>The file.</summary>
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "ResNet18.ImageNet.onnx");

    /// <summary>A new network with these weights, in training mode, for images from 0 to 1 less ImageNet's mean and divided by its standard deviation, as torchvision's have it.</summary>
    /// <param name="num_classes">Number of classes. The classifier has its initial weights.</param>
    /// <param name="device">Where the network is made; the default device if null.</param>
    /// <returns>With <see cref="Stem.Conv7MaxPool"/>, in float32.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="num_classes"/> is less than 1.</exception>
    /// <exception cref="InvalidOperationException"><paramref name="device"/> is not available on this machine.</exception>
    /// <exception cref="InvalidDataException">The file is not the one of that package.</exception>
    /// <exception cref="IOException">The file is not there (<see cref="FileNotFoundException"/>) or cannot be read.</exception>
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

    /// <summary>The same for a network that is there. Its classifier stays as it is.</summary>
    /// <param name="model">A ResNet-18 with <see cref="Stem.Conv7MaxPool"/>. What is refused may have changed it.</param>
    /// <exception cref="InvalidDataException">The file is not the one of that package.</exception>
    /// <exception cref="IOException">The file is not there (<see cref="FileNotFoundException"/>) or cannot be read.</exception>
    public static void LoadInto(ResidualNetwork model)
    {
        Check(Checkpoint.Load(model, Path, strict: false));
        TakeNormalizedRgb(model);
    }

    /// <summary>Whatever else the file had, the network would be another one.</summary>
    private static void Check(LoadReport report)
    {
        var unexpected = report.Unexpected.Where(name => !name.StartsWith(ExtraBlock, StringComparison.Ordinal)).ToList();
        if (!report.Missing.Order(StringComparer.Ordinal).SequenceEqual(["fc.bias", "fc.weight"]) || unexpected.Count > 0 || report.Mismatched.Count > 0 || report.StemMismatch is not null)
            throw new InvalidDataException($"{Path}: expected all of a ResNet18 but its classifier, and besides only a block {ExtraBlock.TrimEnd('.')}, got: {report}");
    }

    /// <summary>
    /// Puts into the first layer what was done to an image: <c>conv(255 (deviation x + mean) - subtracted)</c>, with the channels in another order, is a convolution of x with
    /// other weights and a constant, which the batch norm subtracts with its mean. Only at the border it differs, where the padding now is ImageNet's mean and
    /// not what was subtracted: by half a level of 255.
    /// </summary>
    public static void TakeNormalizedRgb(ResidualNetwork model)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (weight, running_mean) = (model.conv1.weight!, model.bn1.running_mean!);
        Tensor Channels(Func<int, double> value) => tensor(Enumerable.Range(0, 3).Select(value).ToArray(), ScalarType.Float64, weight.device).view(1, 3, 1, 1);

        var rgb = weight.to(ScalarType.Float64).flip(1);
        var constant = (rgb * Channels(i => 255 * Normalisation.ImageNet.Mean[i] - subtracted[i])).sum([1, 2, 3]);
        weight.copy_(rgb * Channels(i => 255 * Normalisation.ImageNet.StandardDeviation[i]));
        running_mean.copy_(running_mean.to(ScalarType.Float64) - constant);
    }
}
