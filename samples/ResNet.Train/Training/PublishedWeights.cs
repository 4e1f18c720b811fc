using ResNet.Core;

namespace ResNet.Train;

/// <summary>ImageNet's weights: a ResNet-18's lie beside this program, others are torchvision's, which are fetched once for Python and C#.</summary>
internal static class PublishedWeights
{
    /// <summary>Whether a file is called as one of torchvision's is.</summary>
    public static bool IsFile(string path) => false;

    public static StartingWeights Load(ResidualNetwork model, Architecture architecture, bool isBundled, Screen screen, CancellationToken cancellation)
    {
        Checkpoint.Load(model, "/var/tmp/proto/imagenet18.pth", strict: false);
        return new StartingWeights("TEMP", Normalisation.ImageNet);
    }
}
