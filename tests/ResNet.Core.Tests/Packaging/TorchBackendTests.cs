using System.Runtime.InteropServices;

namespace ResNet.Core.Tests.Packaging;

/// <summary>The packages that each value of TorchBackend selects. Those with CUDA are gigabytes large, so the tests evaluate the projects and restore nothing.</summary>
[Collection(nameof(BuildTools)), Trait(Category.Name, Category.Slow)]
public class TorchBackendTests(BuildTools tools)
{
    private static readonly string HostPlatform = RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? "win-x64" : "linux-x64";

    [Theory]
    [InlineData(null, null, "TorchSharp-cpu", "0.107.0", "0.107.0")]
    [InlineData("cpu", null, "TorchSharp-cpu", "0.107.0", "0.107.0")]
    [InlineData("cpu", "win-x64", "TorchSharp-cpu", "0.107.0", "0.107.0")]
    [InlineData("cuda-12.8", null, "libtorch-cuda-12.8-HOST", "2.10.0", "0.107.0")]
    [InlineData("cuda-12.8", "win-x64", "libtorch-cuda-12.8-win-x64", "2.10.0", "0.107.0")]
    [InlineData("cuda-12.8", "linux-x64", "libtorch-cuda-12.8-linux-x64", "2.10.0", "0.107.0")]
    [InlineData("cuda-12.1", null, "libtorch-cuda-12.1-HOST", "2.5.1", "0.105.1")]
    [InlineData("cuda-12.1", "win-x64", "libtorch-cuda-12.1-win-x64", "2.5.1", "0.105.1")]
    [InlineData("cuda-12.1", "linux-x64", "libtorch-cuda-12.1-linux-x64", "2.5.1", "0.105.1")]
    public void An_executable_gets_the_backend_and_the_TorchSharp_that_pairs_with_it(string? backend, string? platform, string package, string version, string torchSharp)
    {
        package = package.Replace("HOST", HostPlatform, StringComparison.Ordinal);

        var (references, versions) = Evaluate(Sources.TestProject, backend, platform);

        Assert.Equal([package], references.Where(IsBackend));
        Assert.Equal(version, versions[package]);
        Assert.Equal(torchSharp, versions["TorchSharp"]);
    }

    [Theory]
    [InlineData(null, "0.107.0")]
    [InlineData("cuda-12.8", "0.107.0")]
    [InlineData("cuda-12.1", "0.105.1")]
    public void The_library_references_only_TorchSharp(string? backend, string torchSharp)
    {
        var (references, versions) = Evaluate(Path.Combine(Repository.Root, Sources.Library), backend, platform: null);

        Assert.Contains("TorchSharp", references);
        Assert.DoesNotContain(references, IsBackend);
        Assert.Equal(torchSharp, versions["TorchSharp"]);
    }

    [Theory]
    [MemberData(nameof(FindExecutables))]
    public void Every_executable_has_exactly_one_backend(string project)
    {
        var (references, _) = Evaluate(Path.Combine(Repository.Root, project), "cuda-12.8", "linux-x64");

        Assert.Equal(["libtorch-cuda-12.8-linux-x64"], references.Where(IsBackend));
    }

    public static TheoryData<string> FindExecutables() => new(Sources.Projects.Where(project =>
        !project.StartsWith("src", StringComparison.Ordinal) && !File.ReadAllText(Path.Combine(Repository.Root, project)).Contains("<OutputType>Library<", StringComparison.Ordinal)));

    [Theory]
    [InlineData("build")]
    [InlineData("restore")]
    public void An_unknown_value_is_an_error_that_lists_the_known_ones(string command)
    {
        var result = Tool.Dotnet(tools.Checkout, command, Sources.Library, "-p:TorchBackend=cuda-99");

        Assert.NotEqual(0, result.Code);
        Assert.Contains("error RESNET001: TorchBackend is 'cuda-99'; it must be one of: cpu, cuda-12.8, cuda-12.1.", result.Output, StringComparison.Ordinal);
    }

    private static bool IsBackend(string package) =>
        package.StartsWith("libtorch-", StringComparison.OrdinalIgnoreCase) || package.StartsWith("TorchSharp-", StringComparison.OrdinalIgnoreCase);

    private static (List<string> References, Dictionary<string, string> Versions) Evaluate(string project, string? backend, string? platform)
    {
        List<string> arguments = ["msbuild", project, "-getItem:PackageReference", "-getItem:PackageVersion"];
        if (backend != null) arguments.Add($"-p:TorchBackend={backend}");
        if (platform != null) arguments.Add($"-p:RuntimeIdentifier={platform}");
        var result = Tool.Dotnet(Repository.Root, [.. arguments]);
        return (result.ReadItems("PackageReference").ConvertAll(item => item["Identity"]),
            result.ReadItems("PackageVersion").ToDictionary(item => item["Identity"], item => item["Version"]));
    }
}
