namespace ResNet.Core.Tests.Packaging;

/// <summary>
/// A copy of the sources as the only commit of a repository with a remote, like a stranger's clone, and the packages that were
/// packed from it. These tests run after all others, one at a time: builds and libtorch's threads would only compete for the cores.
/// </summary>
[CollectionDefinition(nameof(BuildTools), DisableParallelization = true)]
public sealed class BuildTools : ICollectionFixture<BuildTools>, IDisposable
{
    public const string Remote = "https://github.com/example/resnet";

    public BuildTools()
    {
        Directory.CreateDirectory(Checkout);
        Sources.Copy(Checkout);
        Tool.Git(Checkout, "init", "--quiet").AssertSucceeded();
        Tool.Git(Checkout, "add", "--all").AssertSucceeded();
        Tool.Git(Checkout, "-c", "user.name=Tests", "-c", "user.email=tests@example.com", "commit", "--quiet", "--no-gpg-sign", "--message=The sources").AssertSucceeded();
        Tool.Git(Checkout, "remote", "add", "origin", Remote).AssertSucceeded();
        Commit = Tool.Git(Checkout, "rev-parse", "HEAD").AssertSucceeded().Output.Trim();
        var listed = Tool.Dotnet(Root, "nuget", "locals", "global-packages", "--list").AssertSucceeded().Output;
        NuGetCache = listed[(listed.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();

        // ContinuousIntegrationBuild makes a package independent of the folder that it is built in.
        foreach (var library in new[] { Sources.Library, Sources.Distributed })
            Tool.Dotnet(Checkout, "pack", library, "--output", Feed, $"-p:Version={Version}", "-p:ContinuousIntegrationBuild=true").AssertSucceeded();
    }

    /// <summary>A folder for this run only, outside the repository.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("resnet-packaging-").FullName;

    public string Checkout => Path.Combine(Root, "checkout");

    public string Commit { get; }

    /// <summary>The folder of the packages, which serves as a NuGet source.</summary>
    public string Feed => Path.Combine(Root, "feed");

    /// <summary>A version that was never used before: NuGet caches every version that it has unpacked.</summary>
    public string Version { get; } = $"0.2.0-test.{DateTime.UtcNow.Ticks}";

    public string Package => Path.Combine(Feed, $"ResNet.Core.{Version}.nupkg");

    public string DistributedPackage => Path.Combine(Feed, $"ResNet.Core.Distributed.{Version}.nupkg");

    public string Symbols => Path.Combine(Feed, $"ResNet.Core.{Version}.snupkg");

    /// <summary>The folder where NuGet unpacks the packages of all projects of this user.</summary>
    public string NuGetCache { get; }

    public void Dispose()
    {
        var unpacked = Path.Combine(NuGetCache, "resnet.core", Version);
        if (Directory.Exists(unpacked))
            Directory.Delete(unpacked, recursive: true);

        // Git's object files are read-only, which Windows does not delete.
        foreach (var file in Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories))
            File.SetAttributes(file, FileAttributes.Normal);
        Directory.Delete(Root, recursive: true);
    }
}
