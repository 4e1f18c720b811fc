using System.Reflection;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>What messages and the README say of the packages with CUDA, beside the table in src/TorchBackend.props, which the build has put into the library.</summary>
public class CudaPackageTests
{
    private static readonly Type type = typeof(BasicBlock).Assembly.GetType("ResNet.Core.CudaPackage", throwOnError: true)!;

    /// <summary>TorchSharp, CUDA, libtorch.</summary>
    private static readonly string[][] table = [.. typeof(BasicBlock).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Where(data => data.Key == "CudaPackage").Select(data => data.Value!.Split(' '))];

    [Fact]
    public void The_package_that_is_named_goes_with_the_TorchSharp_that_runs()
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
    public void For_a_TorchSharp_that_is_not_known_no_package_is_made_up()
    {
        Assert.Contains("which needs libtorch 1.13.0.", Advise("1.13.0"), StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\b12\.\d", Advise("1.13.0"));
    }

    [Fact]
    public void The_README_and_its_page_have_the_same_table()
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
