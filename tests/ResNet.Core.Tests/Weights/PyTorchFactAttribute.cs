namespace ResNet.Core.Tests.Weights;

/// <summary>A test that runs real PyTorch; skipped where Debian's python3-torch and python3-torchvision are not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PyTorchFactAttribute : FactAttribute
{
    private const string Python = "/usr/bin/python3";

    private static readonly Lazy<bool> installed = new(() => File.Exists(Python) && Tool.Run(Path.GetTempPath(), Python, "-c", "import torch, torchvision").ExitCode == 0);

    public override string? Skip
    {
        get => installed.Value ? null : $"{Python} has no torch and torchvision: apt-get install python3-torch python3-torchvision";
        set => throw new NotSupportedException();
    }

    /// <summary>What pytorch.py prints.</summary>
    public static string Run(params string[] arguments) =>
        Tool.Run(Path.GetTempPath(), Python, ["-B", Path.Combine(Repository.Root, "tests", "ResNet.Core.Tests", "Weights", "pytorch.py"), .. arguments]).Succeeded().Output;
}
