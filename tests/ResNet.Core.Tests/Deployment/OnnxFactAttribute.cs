namespace ResNet.Core.Tests.Deployment;

/// <summary>A test that asks ONNX's own Python package; skipped where Debian's python3-onnx is not installed.</summary>
public sealed class OnnxFactAttribute() : PythonFactAttribute("onnx", "python3-onnx")
{
    /// <summary>What check_onnx.py prints of a file.</summary>
    public static string[] Run(string command, string file) =>
        RunScript("Deployment/check_onnx.py", command, file).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
