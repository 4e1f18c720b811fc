using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>Shows where the time of a training step goes. Each column runs the step up to a later part.</summary>
internal sealed class StepParts : Table
{
    private const string Forward = "forward", Backward = "and backward", Fused = "and `FusedSGD`", Sgd = "or TorchSharp's `SGD`", BFloat16 = "bfloat16, channels-last";

    public override string Name => "parts";

    public override string Title => "Parts of a training step";

    public override string About =>
        "Each column adds one part to the column before it: the forward pass with the loss, the backward pass, and a step of SGD with momentum, by either optimizer. `MemoryPages.Keep()` is on. 1000 classes, `Conv7MaxPool`. A row is network, stem, batch size @ image size, and precision.";

    public override string[] Rows { get; } =
    [
        .. from measured in (string[])["ResNet-18, Conv7MaxPool, 128 @ 32", "ResNet-18, Conv7MaxPool, 16 @ 224", "ResNet-50, Conv7MaxPool, 8 @ 224"]
           from precision in (string[])["float32", BFloat16]
           select $"{measured}, {precision}",
    ];

    public override string[] Engines => [Forward, Backward, Fused, Sgd];

    public override string Baseline => Fused;

    public override string Share => "the step with `FusedSGD`";

    public override bool HasPython => false;

    public override Action? Prepare(string row, string engine)
    {
        MemoryPages.Keep();
        var bfloat16 = row.EndsWith(BFloat16, StringComparison.Ordinal);
        var format = bfloat16 ? memory_format.channels_last : memory_format.contiguous_format;
        var measured = Case.Parse(row[..row.LastIndexOf(bfloat16 ? $", {BFloat16}" : ", float32", StringComparison.Ordinal)]);
        manual_seed(1);
        var network = measured.CreateOurs().ToMemoryFormat(format);
        var optimizer = engine == Sgd ? optim.SGD(network.parameters(), learningRate: 0.01, momentum: 0.9) : new FusedSGD(network.parameters(), lr: 0.01, momentum: 0.9);
        var (images, labels) = (measured.CreateImages().ToMemoryFormat(format), randint(0, 1000, [measured.Batch]));
        return () =>
        {
            using var scope = NewDisposeScope();
            Tensor loss;
            using (new Autocast(DeviceType.CPU, ScalarType.BFloat16, bfloat16))
                loss = nn.functional.cross_entropy(network.call(images), labels);
            if (engine == Forward) return;
            optimizer.zero_grad();
            loss.backward();
            if (engine == Backward) return;
            optimizer.step();
        };
    }
}
