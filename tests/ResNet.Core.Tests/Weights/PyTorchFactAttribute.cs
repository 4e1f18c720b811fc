namespace ResNet.Core.Tests.Weights;

/// <summary>A test that runs real PyTorch; skipped where Debian's python3-torch and python3-torchvision are not installed.</summary>
public sealed class PyTorchFactAttribute() : PythonFactAttribute("torch, torchvision", "python3-torch python3-torchvision")
{
    /// <summary>Runs pytorch.py.</summary>
    /// <returns>Its output.</returns>
    public static string Run(params string[] arguments) => Python.RunScript("ResNet.Core.Tests/Weights/pytorch.py", arguments);

    /// <summary>pytorch.py, asked line by line.</summary>
    internal static PythonConversation Start(params string[] arguments) => new(Python.StartInfo("ResNet.Core.Tests/Weights/pytorch.py", arguments));

    /// <summary>export_onnx.py, asked line by line.</summary>
    internal static PythonConversation StartExports(string folder) => new(Python.StartInfo("ResNet.Core.Tests/Weights/export_onnx.py", folder));
}
