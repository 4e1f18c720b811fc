namespace ResNet.Core.Tests.Weights;

/// <summary>A test that runs real PyTorch. It is skipped unless Python has torch and torchvision.</summary>
public sealed class PyTorchFactAttribute() : PythonFactAttribute("torch, torchvision", "python3-torch python3-torchvision")
{
    /// <summary>Runs pytorch.py.</summary>
    /// <returns>The output.</returns>
    public static string Run(params string[] arguments) => Python.RunScript("ResNet.Core.Tests/Weights/pytorch.py", arguments);

    /// <summary>Starts pytorch.py, which answers line by line.</summary>
    internal static PythonConversation Start(params string[] arguments) => new(Python.StartInfo("ResNet.Core.Tests/Weights/pytorch.py", arguments));

    /// <summary>Starts export_onnx.py, which answers line by line.</summary>
    internal static PythonConversation StartExports(string folder) => new(Python.StartInfo("ResNet.Core.Tests/Weights/export_onnx.py", folder));
}
