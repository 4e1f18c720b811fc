using System.Globalization;

namespace ResNet.Core.Tests.Packaging;

/// <summary>The package in a user's project.</summary>
[Collection(nameof(BuildTools)), Trait(Category.Name, Category.Slow)]
public class ConsumerTests(BuildTools tools, Consumer consumer) : IClassFixture<Consumer>
{
    [Fact]
    public void A_consumer_trains_with_dotnet_run() =>
        AssertLossFalls(consumer.Dotnet("run", "--configuration", "Release", "--no-build"));

    [Fact]
    public void A_published_consumer_trains()
    {
        var published = Path.Combine(consumer.Folder, "published");
        consumer.Dotnet("publish", "--output", published).AssertSucceeded();

        AssertLossFalls(Tool.Run(published, Path.Combine(published, OperatingSystem.IsWindows() ? "Consumer.exe" : "Consumer")));
        if (OperatingSystem.IsLinux())
            TorchSharpNative.AssertRelaxed(TorchSharpNative.ReadFromPackage(tools), File.ReadAllBytes(consumer.Find("published", "libLibTorchSharp.so")));
    }

    [LinuxFact]
    public void The_native_library_is_relaxed_for_an_older_libstdcxx() =>
        TorchSharpNative.AssertRelaxed(TorchSharpNative.ReadFromPackage(tools), File.ReadAllBytes(consumer.Find("bin", "libLibTorchSharp.so")));

    [Fact]
    public void The_native_library_is_relaxed_without_a_runtime_identifier()
    {
        var library = FindRuntimeTarget();

        Assert.Contains(Path.Combine("consumer", "obj"), library, StringComparison.Ordinal);
        TorchSharpNative.AssertRelaxed(TorchSharpNative.ReadFromPackage(tools), File.ReadAllBytes(library));
    }

    [Fact]
    public void The_relaxed_library_follows_the_artifacts_output_layout()
    {
        var artifacts = Path.Combine(tools.Root, "artifacts");

        var library = FindRuntimeTarget("-restore", $"-p:ArtifactsPath={artifacts}");

        Assert.StartsWith(artifacts, library, StringComparison.Ordinal);
        Assert.True(File.Exists(library));
    }

    [Fact]
    public void A_property_keeps_the_original_library() =>
        Assert.Equal(TorchSharpNative.GetCachePath(tools), FindRuntimeTarget("-p:RelaxTorchSharpLibstdcxx=false"));

    [Fact]
    public void The_NuGet_cache_does_not_change() =>
        Assert.Equal(TorchSharpNative.ReadFromPackage(tools), File.ReadAllBytes(TorchSharpNative.GetCachePath(tools)));

    [LinuxFact]
    public void A_second_build_does_not_rewrite_the_copy()
    {
        var copy = consumer.Find(Path.Combine("obj", "Release", "net10.0", "linux-x64"), "libLibTorchSharp.so");
        var before = File.GetLastWriteTimeUtc(copy);

        consumer.Build();

        Assert.Equal(before, File.GetLastWriteTimeUtc(copy));
    }

    /// <summary>A full disk, a killed build or a power failure can leave such a copy, and its timestamp is up to date.</summary>
    [LinuxFact]
    public void A_truncated_copy_is_replaced()
    {
        var copy = consumer.Find(Path.Combine("obj", "Release", "net10.0", "linux-x64"), "libLibTorchSharp.so");
        File.WriteAllBytes(copy, File.ReadAllBytes(copy)[..1_000_000]);

        consumer.Build();

        TorchSharpNative.AssertRelaxed(TorchSharpNative.ReadFromPackage(tools), File.ReadAllBytes(copy));
        TorchSharpNative.AssertRelaxed(TorchSharpNative.ReadFromPackage(tools), File.ReadAllBytes(consumer.Find("bin", "libLibTorchSharp.so")));
        Assert.Equal(2, Directory.GetFiles(Path.GetDirectoryName(copy)!).Length); // the library and its hash
    }

    /// <summary>Asks MSBuild which library a build for all platforms would copy. The build itself would copy 1.3 GB.</summary>
    private string FindRuntimeTarget(params string[] arguments)
    {
        var result = consumer.Dotnet(["msbuild", "-p:UseCurrentRuntimeIdentifier=false", "-t:ResolvePackageAssets", "-getItem:RuntimeTargetsCopyLocalItems", .. arguments]);
        var item = Assert.Single(result.ReadItems("RuntimeTargetsCopyLocalItems"), item => item["DestinationSubPath"] == TorchSharpNative.PathInPackage);
        return item["FullPath"];
    }

    private static void AssertLossFalls(ChildResult result)
    {
        var losses = result.AssertSucceeded().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => float.Parse(line, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(4, losses.Count);
        Assert.InRange(losses[^1], 0, losses[0] / 2);
    }
}
