using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>A file in ONNX Runtime.</summary>
internal sealed class OnnxSession : IDisposable
{
    private readonly SessionOptions _options = new();
    private readonly RunOptions _run = new();

    /// <param name="path">The file.</param>
    /// <param name="optimized">Where ONNX Runtime writes what it makes of the file.</param>
    public OnnxSession(string path, string? optimized = null)
    {
        // Its threads would go on spinning for a while after each run and take the processor from libtorch's.
        _options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        if (optimized is not null)
        {
            _options.OptimizedModelFilePath = optimized;
            _options.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR; // it warns that such a file is for this machine
        }
        Session = new InferenceSession(path, _options);
    }

    public InferenceSession Session { get; }

    /// <param name="x">Shape (N, 3, H, W), float32, on the CPU.</param>
    public Tensor Run(Tensor x)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(MemoryMarshal.Cast<byte, float>(x.contiguous().bytes).ToArray(), x.shape);
        using var outputs = Session.Run(_run, Session.InputNames, [input], Session.OutputNames);
        return tensor(outputs[0].GetTensorDataAsSpan<float>().ToArray(), outputs[0].GetTensorTypeAndShape().Shape);
    }

    public void Dispose()
    {
        Session.Dispose();
        _run.Dispose();
        _options.Dispose();
    }
}
