using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>A file in ONNX Runtime, with its own defaults and as many threads as libtorch has, and a batch for it.</summary>
internal sealed class OnnxSession : IDisposable
{
    private readonly InferenceSession session;
    private readonly OrtValue input;
    private readonly RunOptions options = new();

    public OnnxSession(string path, Tensor images)
    {
        using var settings = new SessionOptions { IntraOpNumThreads = get_num_threads() };
        session = new InferenceSession(path, settings);
        input = OrtValue.CreateTensorValueFromMemory(images.data<float>().ToArray(), images.shape);
    }

    public void Run()
    {
        using var outputs = session.Run(options, session.InputNames, [input], session.OutputNames);
        _ = outputs[0].GetTensorDataAsSpan<float>()[0];
    }

    public void Dispose()
    {
        input.Dispose();
        session.Dispose();
        options.Dispose();
    }
}
