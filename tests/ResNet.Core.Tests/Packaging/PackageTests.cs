using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using System.Xml.Linq;

namespace ResNet.Core.Tests.Packaging;

/// <summary>What is in the package that people install.</summary>
[Collection(nameof(BuildTools)), Trait(Category.Name, Category.Slow)]
public class PackageTests(BuildTools tools)
{
    [Fact]
    public void It_holds_the_library_its_documentation_the_build_files_the_icon_and_the_readme()
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
    public void Its_metadata_says_what_it_is_and_where_it_comes_from()
    {
        var metadata = Metadata();

        Assert.Equal("ResNet.Core", Value("id"));
        Assert.Equal("MIT", Value("license"));
        Assert.Equal("expression", Element("license").Attribute("type")?.Value);
        Assert.Equal("README.md", Value("readme"));
        Assert.Equal("icon.png", Value("icon"));
        Assert.Equal(BuildTools.Remote, Value("projectUrl"));
        Assert.Contains("torchsharp", Value("tags").Split(' '));
        Assert.Contains("resnet18", Value("tags").Split(' '));
        Assert.NotEmpty(Value("description"));
        Assert.NotEmpty(Value("authors"));
        Assert.Equal("git", Element("repository").Attribute("type")?.Value);
        Assert.Equal(BuildTools.Remote, Element("repository").Attribute("url")?.Value);
        Assert.Equal(tools.Commit, Element("repository").Attribute("commit")?.Value);

        XElement Element(string name) => metadata.Element(metadata.Name.Namespace + name) ?? throw new InvalidOperationException($"The package has no {name}.");
        string Value(string name) => Element(name).Value;
    }

    [Fact]
    public void It_depends_on_TorchSharp_and_on_the_Protobuf_library_that_TorchSharp_brings()
    {
        var dependencies = Metadata().Descendants().Where(element => element.Name.LocalName == "dependency");

        Assert.Equal(["Google.Protobuf 3.21.9", "TorchSharp 0.107.0"], dependencies.Select(dependency => $"{dependency.Attribute("id")?.Value} {dependency.Attribute("version")?.Value}"));
    }

    [Fact]
    public void Its_symbols_lead_a_debugger_to_the_sources_of_the_commit()
    {
        using var symbols = ZipFile.OpenRead(tools.Symbols);
        using var pdb = MetadataReaderProvider.FromPortablePdbStream(new MemoryStream(Read(symbols, "lib/net8.0/ResNet.Core.pdb")));
        var reader = pdb.GetMetadataReader();

        var sourceLinkKind = new Guid("CC110556-A091-4D38-9FEC-25AB9A351A6A"); // Portable PDB format, Source Link
        var sourceLink = reader.CustomDebugInformation.Select(reader.GetCustomDebugInformation).Single(info => reader.GetGuid(info.Kind) == sourceLinkKind);

        Assert.Contains($"https://raw.githubusercontent.com/example/resnet/{tools.Commit}/*", Encoding.UTF8.GetString(reader.GetBlobBytes(sourceLink.Value)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_sources_give_the_same_library_in_another_folder()
    {
        var elsewhere = Path.Combine(tools.Root, "elsewhere");
        Tool.Git(tools.Root, "clone", "--quiet", tools.Checkout, elsewhere).Succeeded();
        Tool.Git(elsewhere, "remote", "set-url", "origin", BuildTools.Remote).Succeeded();
        Tool.Dotnet(elsewhere, "build", Sources.Library, "--configuration", "Release", $"-p:Version={tools.Version}", "-p:ContinuousIntegrationBuild=true").Succeeded();

        using var package = ZipFile.OpenRead(tools.Package);
        Assert.Equal(Read(package, "lib/net8.0/ResNet.Core.dll"), File.ReadAllBytes(Path.Combine(elsewhere, "src", "ResNet.Core", "bin", "Release", "net8.0", "ResNet.Core.dll")));
    }

    /// <summary>Of every .nupkg, by the Open Packaging Conventions.</summary>
    private static bool IsContainerFormat(string name) => name is "[Content_Types].xml" or "_rels/.rels" || name.EndsWith(".psmdcp", StringComparison.Ordinal);

    private XElement Metadata()
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
