namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>The system's Python, if it has PyTorch with gloo.</summary>
internal static class PyTorch
{
    public const string MissingReason = $"{Python.Interpreter} cannot import torch with gloo: apt-get install python3-torch";

    public static bool IsAvailable => Python.Can("import torch.distributed as d; assert d.is_gloo_available()");

    /// <summary>Runs a script from this folder.</summary>
    public static void Run(string script, params string[] arguments) => Python.RunScript($"ResNet.Core.Distributed.Tests/Ranks/{script}", arguments);
}
