using System.Globalization;

namespace ResNet.Core.Tests.Packaging;

/// <summary>What somebody gets who adds the package to a project.</summary>
[Collection(nameof(BuildTools)), Trait(Category.Name, Category.Slow)]
public class ConsumerTests(BuildTools tools, Consumer consumer) : IClassFixture<Consumer>
{
    [Fact]
    public void It_trains_with_dotnet_run() =>
        AssertLossFalls(consumer.Dotnet("run", "--configuration", "Release", "--no-build"));

    [Fact]
    public void It_trains_when_published()
    {
        var published = Path.Combine(consumer.Folder, "published");
        consumer.Dotnet("publish", "--output", published).Succeeded();

        AssertLossFalls(Tool.Run(published, Path.Combine(published, OperatingSystem.IsWindows() ? "Consumer.exe" : "Consumer")));
        if (OperatingSystem.IsLinux())
            TorchSharpNative.AssertRelaxed(TorchSharpNative.InPackage(tools), File.ReadAllBytes(consumer.Find("published", "libLibTorchSharp.so")));
    }

    [LinuxFact]
    public void Its_native_library_loads_beside_an_older_libstdcxx() =>
        TorchSharpNative.AssertRelaxed(TorchSharpNative.InPackage(tools), File.ReadAllBytes(consumer.Find("bin", "libLibTorchSharp.so")));

    [Fact]
    public void Without_a_runtime_identifier_too()
    {
        var library = RuntimeTarget();

        Assert.Contains(Path.Combine("consumer", "obj"), library, StringComparison.Ordinal);
        TorchSharpNative.AssertRelaxed(TorchSharpNative.InPackage(tools), File.ReadAllBytes(library));
    }

    [Fact]
    public void In_the_artifacts_output_layout_too()
    {
        var artifacts = Path.Combine(tools.Root, "artifacts");

        var library = RuntimeTarget("-restore", $"-p:ArtifactsPath={artifacts}");

        Assert.StartsWith(artifacts, library, StringComparison.Ordinal);
        Assert.True(File.Exists(library));
    }

    [Fact]
    public void It_can_take_the_library_as_it_is() =>
        Assert.Equal(TorchSharpNative.InCache(tools), RuntimeTarget("-p:RelaxTorchSharpLibstdcxx=false"));

    [Fact]
    public void The_NuGet_cache_is_left_as_it_was() =>
        Assert.Equal(TorchSharpNative.InPackage(tools), File.ReadAllBytes(TorchSharpNative.InCache(tools)));

    [LinuxFact]
    public void A_second_build_leaves_the_copy_alone()
    {
        var copy = consumer.Find(Path.Combine("obj", "Release", "net10.0", "linux-x64"), "libLibTorchSharp.so");
        var before = File.GetLastWriteTimeUtc(copy);

        consumer.Build();

        Assert.Equal(before, File.GetLastWriteTimeUtc(copy));
    }

    /// <summary>A full disk, a build that was killed or a power failure leaves one that is as new as a whole one.</summary>
    [LinuxFact]
    public void A_copy_that_was_cut_off_is_made_again()
    {
        var copy = consumer.Find(Path.Combine("obj", "Release", "net10.0", "linux-x64"), "libLibTorchSharp.so");
        File.WriteAllBytes(copy, File.ReadAllBytes(copy)[..1_000_000]);

        consumer.Build();

        TorchSharpNative.AssertRelaxed(TorchSharpNative.InPackage(tools), File.ReadAllBytes(copy));
        TorchSharpNative.AssertRelaxed(TorchSharpNative.InPackage(tools), File.ReadAllBytes(consumer.Find("bin", "libLibTorchSharp.so")));
        Assert.Equal(2, Directory.GetFiles(Path.GetDirectoryName(copy)!).Length); // it and its hash
    }

    /// <summary>The library that a build for all platforms would copy: asked for, since they are 1.3 GB together.</summary>
    private string RuntimeTarget(params string[] arguments)
    {
        var result = consumer.Dotnet(["msbuild", "-p:UseCurrentRuntimeIdentifier=false", "-t:ResolvePackageAssets", "-getItem:RuntimeTargetsCopyLocalItems", .. arguments]);
        var item = Assert.Single(result.Items("RuntimeTargetsCopyLocalItems"), item => item["DestinationSubPath"] == TorchSharpNative.PathInPackage);
        return item["FullPath"];
    }

    private static void AssertLossFalls(ChildResult result)
    {
        var losses = result.Succeeded().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => float.Parse(line, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(4, losses.Count);
        Assert.InRange(losses[^1], 0, losses[0] / 2);
    }
}
