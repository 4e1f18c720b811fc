using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>Predictions with the same weights and images in several engines.</summary>
internal sealed class Inference : Table
{
    private const string AsWritten = "as written", Fused = "`Fuse()`", FusedBFloat16 = "`Fuse(BFloat16)`", Onnx = "ONNX Runtime", OnnxInt8 = "ONNX Runtime, int8", FusedInt8 = "`Fuse(calibration)`", TorchVisionNet = "TorchVision .NET";

    public override string Name => "inference";

    public override string Title => "Predictions";

    public override string About =>
        "One forward pass in eval mode with 1000 classes. A row is network, stem, and batch size @ image size. ONNX Runtime runs the files that `OnnxExporter.Export` and `ExportInt8` write. PyTorch and TorchVision .NET run torchvision's network; TorchVision .NET has one stem.";

    public override string[] Rows { get; } =
    [
        .. from network in (string[])["ResNet-18", "ResNet-50"]
           from stem in (Stem[])[Stem.Conv7MaxPool, Stem.Conv7]
           from batch in (string[])["1 @ 224", "8 @ 224", "1 @ 64", "32 @ 64", "128 @ 32", "1 @ 32"]
           select $"{network}, {stem}, {batch}",
    ];

    public override string[] Engines => [AsWritten, Fused, FusedBFloat16, Onnx, OnnxInt8, FusedInt8, TorchVisionNet];

    public override string Baseline => Onnx;

    public override Action? Prepare(string row, string engine)
    {
        var measured = Case.Parse(row);
        manual_seed(1);
        var model = measured.CreateOurs();
        model.eval();
        var images = measured.CreateImages();
        return engine switch
        {
            AsWritten => Iterations.Predict(model, images),
            Fused => Iterations.Predict(model.Fuse(), images),
            FusedBFloat16 => FuseExtensions.IsBFloat16Supported ? Iterations.Predict(model.Fuse(ScalarType.BFloat16), images) : null,
            Onnx => Run(path => OnnxExporter.Export(model, path), images),
            OnnxInt8 => Run(path => OnnxExporter.ExportInt8(model, [images], path), images),
            FusedInt8 => FuseExtensions.IsInt8Supported ? Iterations.Predict(model.Fuse([images]), images) : null,
            TorchVisionNet => measured.CreateTorchVision() is { } network ? Iterations.Predict(network, images) : null,
            _ => throw new ArgumentOutOfRangeException(engine),
        };
    }

    private static Action Run(Action<string> export, Tensor images)
    {
        var path = $"{Guid.NewGuid()}.onnx";
        export(path);
        // ONNX Runtime's defaults, with as many threads as libtorch
        var session = new OnnxSession(path, new() { IntraOpNumThreads = get_num_threads() });
        var input = OnnxSession.Input(images);
        return () =>
        {
            using var outputs = session.Run(input);
            _ = outputs[0].GetTensorDataAsSpan<float>()[0];
        };
    }
}
