using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>The library's own network in each memory format and precision.</summary>
internal sealed class Precisions : Table
{
    private const string Float = "float32", BFloat = "bfloat16", Last = ", channels-last", Training = "training step";

    public override string Name => "precisions";

    public override string Title => "Channels-last and bfloat16";

    public override string About =>
        "A ResNet-18 with 10 classes on the CPU, the stem `Conv7` at 32 pixels and `Conv7MaxPool` above, by batch @ size of the images; bfloat16 by `Autocast`, channels-last by `ToMemoryFormat`.";

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
        var images = measured.Images().ToMemoryFormat(format);
        Func<Autocast> begin = () => engine.StartsWith(BFloat, StringComparison.Ordinal) ? new Autocast(DeviceType.CPU, ScalarType.BFloat16) : default;
        return what == Training ? Train(model, images, begin) : Predict(model, images, begin);
    }

    private static Action Predict(ResNet18 model, Tensor images, Func<Autocast> begin)
    {
        model.eval();
        return () =>
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            using var precision = begin();
            model.call(images)[0, 0].to(ScalarType.Float32).item<float>();
        };
    }

    private static Action Train(ResNet18 model, Tensor images, Func<Autocast> begin)
    {
        var optimizer = optim.SGD(model.parameters(), learningRate: 0.01, momentum: 0.9);
        var labels = randint(0, 10, [images.shape[0]]);
        return () =>
        {
            using var scope = NewDisposeScope();
            Tensor loss;
            using (begin())
                loss = nn.functional.cross_entropy(model.call(images), labels);
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            loss.item<float>();
        };
    }
}
