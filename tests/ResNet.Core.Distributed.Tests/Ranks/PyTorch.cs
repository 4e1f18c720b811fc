namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>The system's Python, where it has PyTorch.</summary>
internal static class PyTorch
{
    public const string MissingReason = $"{Python} cannot import torch with gloo: apt-get install python3-torch";

    private const string Python = "/usr/bin/python3";

    private static readonly Lazy<bool> isThere = new(() =>
        File.Exists(Python) && Child.Run(TimeSpan.FromMinutes(1), Python, "-c", "import torch.distributed as d; assert d.is_gloo_available()").Code == 0);

    public static bool IsThere => isThere.Value;

    /// <summary>A script beside these tests.</summary>
    public static void Run(string script, params string[] arguments) =>
        Child.Run(TimeSpan.FromMinutes(3), Python, ["-B", Path.Combine(Repository.Tests, "Ranks", script), .. arguments]).Succeeded();
}
