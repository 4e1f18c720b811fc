namespace ResNet.Core.Tests.Deployment;

/// <summary>A test that needs ONNX's own Python package; skipped where Debian's python3-onnx is not installed.</summary>
public sealed class OnnxFactAttribute() : PythonFactAttribute("onnx", "python3-onnx")
{
    /// <summary>Runs a command of check_onnx.py on a file.</summary>
    /// <returns>The lines of its output.</returns>
    public static string[] Run(string command, string file) =>
        Python.RunScript("ResNet.Core.Tests/Deployment/check_onnx.py", command, file).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
