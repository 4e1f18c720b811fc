using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>A network and a batch of square images, as a row is named: <c>ResNet-18, Conv7, 8 @ 224</c>.</summary>
internal sealed record Case(string Network, Stem Stem, long Batch, long Size)
{
    public static Case Parse(string row) => row.Split(", ") is [var network, var stem, var batch] && batch.Split(" @ ") is [var n, var size]
        ? new(network, Enum.Parse<Stem>(stem), Parse64(n), Parse64(size))
        : throw new FormatException(row);

    public Tensor Images() => randn(Batch, 3, Size, Size);

    public ResidualNetwork Ours() => Network switch
    {
        "ResNet-18" => new ResNet18(stem: Stem),
        "ResNet-50" => new ResNet50(stem: Stem),
        _ => throw new ArgumentOutOfRangeException(Network),
    };

    /// <summary>TorchVision .NET's; null for another stem than the one that it has.</summary>
    public nn.Module<Tensor, Tensor>? TorchVision() => (Network, Stem) switch
    {
        ("ResNet-18", Stem.Conv7MaxPool) => torchvision.models.resnet18(),
        ("ResNet-50", Stem.Conv7MaxPool) => torchvision.models.resnet50(),
        _ => null,
    };

    private static long Parse64(string number) => long.Parse(number, System.Globalization.CultureInfo.InvariantCulture);
}
