using System.IO.Compression;
using System.Text.RegularExpressions;

namespace ResNet.Core.Tests.Packaging;

/// <summary>The page of each package in a gallery, where the reader does not have the repository.</summary>
public partial class PackageReadmeTests
{
    private const string Core = "ResNet.Core", Distributed = "ResNet.Core.Distributed";

    [GeneratedRegex(@"\]\((?<target>[^)]+)\)")]
    private static partial Regex Link { get; }

    [Theory]
    [InlineData(Core)]
    [InlineData(Distributed)]
    public void The_page_has_code_and_all_of_it_is_compiled(string package)
    {
        var blocks = DocumentTests.CSharpBlock.Matches(ReadSource(package)).Select(block => block.Groups[1].Value).ToList();
        Assert.NotEmpty(blocks);
        Assert.Subset(DocumentTests.Blocks.Cast<object[]>().Select(row => (string)row[0]).ToHashSet(), blocks.ToHashSet());
    }

    [Theory]
    [InlineData(Core)]
    [InlineData(Distributed)]
    public void The_page_has_20_to_50_lines(string package) => Assert.InRange(ReadSource(package).Split('\n').Length, 20, 50);

    [Collection(nameof(BuildTools)), Trait(Category.Name, Category.Slow)]
    public class Packed(BuildTools tools)
    {
        /// <summary>Links lead to the commit that was packed.</summary>
        [Theory]
        [InlineData(Core)]
        [InlineData(Distributed)]
        public void The_package_has_the_page_with_absolute_links(string package)
        {
            using var archive = ZipFile.OpenRead(package == Core ? tools.Package : tools.DistributedPackage);
            using var reader = new StreamReader(archive.GetEntry("README.md")!.Open());
            var readme = reader.ReadToEnd().ReplaceLineEndings("\n");

            var repository = $"{BuildTools.Remote}/blob/{tools.Commit}/";
            var links = Link.Matches(readme).Select(link => link.Groups["target"].Value).ToList();
            Assert.All(links, link => Assert.StartsWith("https://", link, StringComparison.Ordinal));
            var files = links.Where(link => link.StartsWith(BuildTools.Remote, StringComparison.Ordinal)).ToList();
            Assert.NotEmpty(files);
            Assert.All(files, link => Assert.StartsWith(repository, link, StringComparison.Ordinal));
            Assert.All(files, link => Assert.True(Path.Exists(Path.Combine(Repository.Root, link[repository.Length..])), link));
            Assert.Equal(ReadSource(package), readme.Replace(repository, "../../", StringComparison.Ordinal));
        }
    }

    private static string ReadSource(string package) => File.ReadAllText(Path.Combine(Repository.Root, "src", package, "README.md")).ReplaceLineEndings("\n");
}
