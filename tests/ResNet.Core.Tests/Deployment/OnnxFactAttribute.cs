namespace ResNet.Core.Tests.Deployment;

/// <summary>A test that asks ONNX's own Python package; skipped where Debian's python3-onnx is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnnxFactAttribute : FactAttribute
{
    private const string Python = "/usr/bin/python3";

    private static readonly Lazy<bool> installed = new(() => File.Exists(Python) && Tool.Run(Path.GetTempPath(), Python, "-c", "import onnx").ExitCode == 0);

    public override string? Skip
    {
        get => installed.Value ? null : $"{Python} has no onnx: apt-get install python3-onnx";
        set => throw new NotSupportedException();
    }

    /// <summary>What check_onnx.py prints of a file.</summary>
    public static string[] Run(string command, string file) =>
        Tool.Run(Path.GetTempPath(), Python, "-B", Path.Combine(Repository.Root, "tests", "ResNet.Core.Tests", "Deployment", "check_onnx.py"), command, file)
            .Succeeded().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
