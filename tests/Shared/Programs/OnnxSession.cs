using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace ResNet.Tests;

/// <summary>Runs a file in ONNX Runtime.</summary>
internal sealed class OnnxSession : IDisposable
{
    private readonly SessionOptions _options;
    private readonly RunOptions _run = new();

    /// <param name="path">The file.</param>
    /// <param name="options">The session's options, which it disposes. If null, the default ones, except that threads do not spin after a run: they would slow down libtorch's threads.</param>
    public OnnxSession(string path, SessionOptions? options = null)
    {
        _options = options ?? new();
        if (options is null)
            _options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        Session = new InferenceSession(path, _options);
    }

    public InferenceSession Session { get; }

    /// <param name="x">The images, shape (N, 3, H, W), float32, on the CPU.</param>
    public static OrtValue Input(Tensor x) => OrtValue.CreateTensorValueFromMemory(MemoryMarshal.Cast<byte, float>(x.contiguous().bytes).ToArray(), x.shape);

    /// <inheritdoc cref="Input"/>
    public Tensor Run(Tensor x)
    {
        using var input = Input(x);
        using var outputs = Run(input);
        return tensor(outputs[0].GetTensorDataAsSpan<float>().ToArray(), outputs[0].GetTensorTypeAndShape().Shape);
    }

    /// <returns>The outputs, for the caller to dispose.</returns>
    public IDisposableReadOnlyCollection<OrtValue> Run(OrtValue input) => Session.Run(_run, Session.InputNames, [input], Session.OutputNames);

    public void Dispose()
    {
        Session.Dispose();
        _run.Dispose();
        _options.Dispose();
    }
}
