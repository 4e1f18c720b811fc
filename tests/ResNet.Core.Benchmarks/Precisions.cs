using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>This library's network in each memory format and precision.</summary>
internal sealed class Precisions : Table
{
    private const string Float = "float32", BFloat = "bfloat16", Last = ", channels-last", Training = "training step";

    public override string Name => "precisions";

    public override string Title => "Channels-last and bfloat16";

    public override string About =>
        "A ResNet-18 with 10 classes on the CPU, with the stem `Conv7` at 32 pixels and `Conv7MaxPool` above. A row is batch size @ image size. bfloat16 uses `Autocast`, channels-last `ToMemoryFormat`.";

    public override string[] Rows { get; } =
    [
        .. from what in (string[])[Training, "prediction"]
           from batch in (string[])["64 @ 32", "16 @ 112", "8 @ 224"]
           select $"{what}, {batch}",
    ];

    public override string[] Engines => [Float, Float + Last, BFloat, BFloat + Last];

    public override string Baseline => Float;

    public override bool HasPython => false;

    public override Action Prepare(string row, string engine)
    {
        var (what, batch) = (row.Split(", ")[0], row.Split(", ")[1]);
        var measured = Case.Parse($"ResNet-18, {(batch.EndsWith(" 32", StringComparison.Ordinal) ? Stem.Conv7 : Stem.Conv7MaxPool)}, {batch}");
        var format = engine.EndsWith(Last, StringComparison.Ordinal) ? memory_format.channels_last : memory_format.contiguous_format;
        manual_seed(1);
        var model = new ResNet18(10, measured.Stem).ToMemoryFormat(format);
        var images = measured.CreateImages().ToMemoryFormat(format);
        var bfloat16 = engine.StartsWith(BFloat, StringComparison.Ordinal);
        return what == Training ? Train(model, images, bfloat16) : Iterations.Predict(model, images, bfloat16);
    }

    private static Action Train(ResNet18 model, Tensor images, bool bfloat16)
    {
        var optimizer = optim.SGD(model.parameters(), learningRate: 0.01, momentum: 0.9);
        return Iterations.AddScope(Iterations.Train(model, optimizer, images, randint(0, 10, [images.shape[0]]), bfloat16));
    }
}
