using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>One step of SGD with momentum.</summary>
internal sealed class TrainingStep : Table
{
    private const string Naive = "naive port", Ours = "ResNet.Core", Fused = "with `FusedSGD`", Kept = "and `MemoryPages.Keep()`", TorchVisionNet = "TorchVision .NET";

    public override string Name => "training";

    public override string Title => "A training step";

    public override string About =>
        "Forward pass, backward pass and a step of SGD with momentum, in float32 with 1000 classes. A row is network, stem, and batch size @ image size. The naive port is the mirrored code without dispose scopes: its time and memory depend on when the garbage collector runs.";

    public override string[] Rows =>
    [
        "ResNet-18, Conv7, 128 @ 32", "ResNet-18, Conv7MaxPool, 128 @ 32", "ResNet-18, Conv7MaxPool, 16 @ 224", "ResNet-50, Conv7MaxPool, 8 @ 224",
    ];

    public override string[] Engines => [Naive, Ours, Fused, Kept, TorchVisionNet];

    public override string Baseline => Ours;

    public override bool HasMemory => true;

    public override Action? Prepare(string row, string engine)
    {
        var measured = Case.Parse(row);
        manual_seed(1);
        return engine switch
        {
            Naive => measured is { Network: "ResNet-18", Stem: Stem.Conv7 } ? Train(new NaiveResNet18(), measured) : null,
            Kept => MemoryPages.Keep() ? Prepare(row, Fused) : throw new PlatformNotSupportedException("the C library is not glibc, or another allocator replaces its own"),
            Ours => Iterations.AddScope(Train(measured.CreateOurs(), measured)),
            Fused => Iterations.AddScope(Train(measured.CreateOurs(), measured, fused: true)),
            TorchVisionNet => measured.CreateTorchVision() is { } network ? Iterations.AddScope(Train(network, measured)) : null,
            _ => throw new ArgumentOutOfRangeException(engine),
        };
    }

    private static Action Train(nn.Module<Tensor, Tensor> network, Case measured, bool fused = false)
    {
        var optimizer = fused ? new FusedSGD(network.parameters(), lr: 0.01, momentum: 0.9) : optim.SGD(network.parameters(), learningRate: 0.01, momentum: 0.9);
        return Iterations.Train(network, optimizer, measured.CreateImages(), randint(0, 1000, [measured.Batch]));
    }
}
