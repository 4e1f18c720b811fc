using System.Reflection;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>Messages and the README name the CUDA packages of the table in src/TorchBackend.props, which the build embeds in the library.</summary>
public class CudaPackageTests
{
    private static readonly Type type = typeof(BasicBlock).Assembly.GetType("ResNet.Core.CudaPackage", throwOnError: true)!;

    /// <summary>A row for each package: the versions of TorchSharp, CUDA and libtorch.</summary>
    private static readonly string[][] table = [.. typeof(BasicBlock).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Where(data => data.Key == "CudaPackage").Select(data => data.Value!.Split(' '))];

    [Fact]
    public void The_advice_names_the_package_for_each_libtorch()
    {
        Assert.True(table.Length > 1);
        foreach (var (i, row) in table.Index())
        {
            Assert.StartsWith($"replace TorchSharp-cpu with libtorch-cuda-{row[1]}-win-x64 or -linux-x64 {row[2]}.", Advise(row[2]), StringComparison.Ordinal);
            Assert.Equal(i < table.Length - 1, Advise(row[2]).Contains($"a driver older than CUDA {row[1]}", StringComparison.Ordinal));
        }
        Assert.Contains(Version.Parse(__version__).ToString(3), table.Select(row => row[2]));
    }

    [Fact]
    public void The_advice_names_no_package_for_an_unknown_libtorch()
    {
        Assert.Contains("which needs libtorch 1.13.0.", Advise("1.13.0"), StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\b12\.\d", Advise("1.13.0"));
    }

    [Fact]
    public void The_README_and_the_GPU_page_have_the_same_table()
    {
        var readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "gpu.md"));
        foreach (var row in table)
        {
            var (torchSharp, cuda, libtorch) = (row[0], row[1], row[2]);
            foreach (var document in new[] { readme, page })
                Assert.Contains($"`libtorch-cuda-{cuda}-win-x64` or `libtorch-cuda-{cuda}-linux-x64`, {libtorch} | {torchSharp} | `cuda-{cuda}` |", document, StringComparison.Ordinal);
            foreach (var platform in new[] { "win-x64", "linux-x64" })
                Assert.Contains($"dotnet add package libtorch-cuda-{cuda}-{platform} --version {libtorch} ", page, StringComparison.Ordinal);
        }
        var named = Regex.Matches(readme + page, @"libtorch-cuda-([\d.]+)-").Select(match => match.Groups[1].Value).Distinct();
        Assert.Equal(table.Select(row => row[1]).Order(), named.Order());
    }

    private static string Advise(string libtorch) => (string)type.GetMethod("Advise")!.Invoke(null, [libtorch])!;
}
