using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>A network and a batch of square images. The name of a row contains both: <c>ResNet-18, Conv7, 8 @ 224</c>.</summary>
internal sealed record Case(string Network, Stem Stem, long Batch, long Size)
{
    public static Case Parse(string row) => row.Split(", ") is [var network, var stem, var batch] && batch.Split(" @ ") is [var n, var size]
        ? new(network, Enum.Parse<Stem>(stem), ParseInt64(n), ParseInt64(size))
        : throw new FormatException(row);

    public Tensor CreateImages() => randn(Batch, 3, Size, Size);

    public ResidualNetwork CreateOurs() => Network switch
    {
        "ResNet-18" => new ResNet18(stem: Stem),
        "ResNet-50" => new ResNet50(stem: Stem),
        _ => throw new ArgumentOutOfRangeException(Network),
    };

    /// <summary>Creates TorchVision .NET's network; null for a stem that it does not have.</summary>
    public nn.Module<Tensor, Tensor>? CreateTorchVision() => (Network, Stem) switch
    {
        ("ResNet-18", Stem.Conv7MaxPool) => torchvision.models.resnet18(),
        ("ResNet-50", Stem.Conv7MaxPool) => torchvision.models.resnet50(),
        _ => null,
    };

    private static long ParseInt64(string number) => long.Parse(number, System.Globalization.CultureInfo.InvariantCulture);
}
