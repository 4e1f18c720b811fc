using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using System.Xml.Linq;

namespace ResNet.Core.Tests.Packaging;

/// <summary>The contents of the package that users install.</summary>
[Collection(nameof(BuildTools)), Trait(Category.Name, Category.Slow)]
public class PackageTests(BuildTools tools)
{
    [Fact]
    public void The_package_contains_the_library_its_documentation_the_build_files_the_icon_and_the_readme()
    {
        using var package = ZipFile.OpenRead(tools.Package);

        var files = package.Entries.Select(entry => entry.FullName).Where(name => !IsContainerFormat(name)).Order(StringComparer.Ordinal);

        Assert.Equal(
            [
                "README.md",
                "ResNet.Core.nuspec",
                "buildTransitive/RelaxLibstdcxx.cs",
                "buildTransitive/ResNet.Core.targets",
                "icon.png",
                "lib/net8.0/ResNet.Core.dll",
                "lib/net8.0/ResNet.Core.xml",
            ],
            files);
        Assert.Contains("M:ResNet.Core.BasicBlock.#ctor", Encoding.UTF8.GetString(Read(package, "lib/net8.0/ResNet.Core.xml")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_metadata_describes_the_package_and_names_its_repository_and_commit()
    {
        var metadata = ReadMetadata();

        Assert.Equal("ResNet.Core", FindValue("id"));
        Assert.Equal("MIT", FindValue("license"));
        Assert.Equal("expression", FindElement("license").Attribute("type")?.Value);
        Assert.Equal("README.md", FindValue("readme"));
        Assert.Equal("icon.png", FindValue("icon"));
        Assert.Equal(BuildTools.Remote, FindValue("projectUrl"));
        Assert.Contains("torchsharp", FindValue("tags").Split(' '));
        Assert.Contains("resnet18", FindValue("tags").Split(' '));
        Assert.NotEmpty(FindValue("description"));
        Assert.NotEmpty(FindValue("authors"));
        Assert.Equal("git", FindElement("repository").Attribute("type")?.Value);
        Assert.Equal(BuildTools.Remote, FindElement("repository").Attribute("url")?.Value);
        Assert.Equal(tools.Commit, FindElement("repository").Attribute("commit")?.Value);

        XElement FindElement(string name) => metadata.Element(metadata.Name.Namespace + name) ?? throw new InvalidOperationException($"The package has no {name}.");
        string FindValue(string name) => FindElement(name).Value;
    }

    [Fact]
    public void The_package_depends_on_TorchSharp_and_on_the_Protobuf_version_that_TorchSharp_needs()
    {
        var dependencies = ReadMetadata().Descendants().Where(element => element.Name.LocalName == "dependency");

        Assert.Equal(["Google.Protobuf 3.21.9", "TorchSharp 0.107.0"], dependencies.Select(dependency => $"{dependency.Attribute("id")?.Value} {dependency.Attribute("version")?.Value}"));
    }

    [Fact]
    public void The_symbols_link_to_the_sources_of_the_commit()
    {
        using var symbols = ZipFile.OpenRead(tools.Symbols);
        using var pdb = MetadataReaderProvider.FromPortablePdbStream(new MemoryStream(Read(symbols, "lib/net8.0/ResNet.Core.pdb")));
        var reader = pdb.GetMetadataReader();

        var sourceLinkKind = new Guid("CC110556-A091-4D38-9FEC-25AB9A351A6A"); // Portable PDB format, Source Link
        var sourceLink = reader.CustomDebugInformation.Select(reader.GetCustomDebugInformation).Single(info => reader.GetGuid(info.Kind) == sourceLinkKind);

        Assert.Contains($"https://raw.githubusercontent.com/example/resnet/{tools.Commit}/*", Encoding.UTF8.GetString(reader.GetBlobBytes(sourceLink.Value)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_sources_build_the_same_library_in_another_folder()
    {
        var elsewhere = Path.Combine(tools.Root, "elsewhere");
        Tool.Git(tools.Root, "clone", "--quiet", tools.Checkout, elsewhere).AssertSucceeded();
        Tool.Git(elsewhere, "remote", "set-url", "origin", BuildTools.Remote).AssertSucceeded();
        Tool.Dotnet(elsewhere, "build", Sources.Library, "--configuration", "Release", $"-p:Version={tools.Version}", "-p:ContinuousIntegrationBuild=true").AssertSucceeded();

        using var package = ZipFile.OpenRead(tools.Package);
        Assert.Equal(Read(package, "lib/net8.0/ResNet.Core.dll"), File.ReadAllBytes(Path.Combine(elsewhere, "src", "ResNet.Core", "bin", "Release", "net8.0", "ResNet.Core.dll")));
    }

    /// <summary>Whether the Open Packaging Conventions put this entry into every .nupkg.</summary>
    private static bool IsContainerFormat(string name) => name is "[Content_Types].xml" or "_rels/.rels" || name.EndsWith(".psmdcp", StringComparison.Ordinal);

    private XElement ReadMetadata()
    {
        using var package = ZipFile.OpenRead(tools.Package);
        using var nuspec = package.GetEntry("ResNet.Core.nuspec")!.Open();
        return XDocument.Load(nuspec).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
    }

    private static byte[] Read(ZipArchive archive, string name)
    {
        using var entry = (archive.GetEntry(name) ?? throw new InvalidOperationException($"There is no {name}.")).Open();
        using var copy = new MemoryStream();
        entry.CopyTo(copy);
        return copy.ToArray();
    }
}
