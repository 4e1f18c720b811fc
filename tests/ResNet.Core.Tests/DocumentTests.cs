using System.Text.RegularExpressions;

namespace ResNet.Core.Tests;

/// <summary>The code, tests, files and headings that the documents name exist.</summary>
public partial class DocumentTests
{
    [GeneratedRegex(@"^```csharp\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    internal static partial Regex CSharpBlock { get; }

    [GeneratedRegex(@"^// (?<file>(src|samples)/\S+\.cs)\n")]
    private static partial Regex FileName { get; }

    [GeneratedRegex(@"`(?<class>[A-Z]\w*Tests)\.(?<method>\w+)`")]
    private static partial Regex TestName { get; }

    [GeneratedRegex(@"\]\((?<file>[^)#:]*)(#(?<heading>[^)]+))?\)")]
    private static partial Regex RelativeLink { get; }

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block { get; }

    [GeneratedRegex(@"^#+ (.+?)\s*$", RegexOptions.Multiline)]
    private static partial Regex Heading { get; }

    private static string[] Documents =>
    [
        .. from page in (string[])["README.md", "CONTRIBUTING.md", "SECURITY.md"] select Path.Combine(Repository.Root, page),
        .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md"),
        .. from folder in (string[])["src", "samples"]
           from project in Directory.EnumerateDirectories(Path.Combine(Repository.Root, folder))
           let page = Path.Combine(project, "README.md")
           where File.Exists(page)
           select page,
    ];

    /// <summary>Every link within the repository: its document, the file that it leads to, and the heading there, empty if it names none.</summary>
    private static IEnumerable<(string Document, string File, string Heading)> Links =>
        from document in Documents
        from link in RelativeLink.Matches(Block.Replace(File.ReadAllText(document), ""))
        let file = link.Groups["file"].Value
        where file.Length > 0 || link.Groups["heading"].Success
        select (Path.GetRelativePath(Repository.Root, document), file.Length == 0 ? document : Path.Combine(Path.GetDirectoryName(document)!, file), link.Groups["heading"].Value);

    public static TheoryData<string> Blocks => [.. Documents.SelectMany(path => CSharpBlock.Matches(File.ReadAllText(path).ReplaceLineEndings("\n"))).Select(match => match.Groups[1].Value)];

    /// <summary>A block is a program of its own, or an excerpt of the file that its first line names.</summary>
    [Theory]
    [MemberData(nameof(Blocks))]
    public void Every_CSharp_block_compiles(string code)
    {
        if (FileName.Match(code) is { Success: true } name)
            AssertExcerpt(name.Groups["file"].Value, code[name.Length..]);
        else
            Assert.Empty(CSharpProgram.Compile(code));
    }

    /// <summary>A renamed test must not leave a page that names the old one.</summary>
    [Fact]
    public void Every_named_test_exists()
    {
        var named = Documents.SelectMany(path => TestName.Matches(File.ReadAllText(path))).Select(match => (Class: match.Groups["class"].Value, Method: match.Groups["method"].Value)).Distinct().ToList();
        var sources = Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories).ToLookup(path => Path.GetFileNameWithoutExtension(path));
        Assert.NotEmpty(named);
        Assert.All(named, test => Assert.Contains(sources[test.Class], path => File.ReadAllText(path).Contains($" {test.Method}(", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_link_to_a_file_works()
    {
        Assert.NotEmpty(Links);
        Assert.Empty(Links.Where(link => !Path.Exists(link.File)).Select(link => $"{link.Document}: {link.File}"));
    }

    [Fact]
    public void Every_link_to_a_heading_works()
    {
        var links = Links.Where(link => link.Heading.Length > 0 && File.Exists(link.File)).ToList();
        Assert.NotEmpty(links);
        Assert.Empty(links.Where(link => !FindHeadings(link.File).Contains(link.Heading)).Select(link => $"{link.Document}: {link.File}#{link.Heading}"));
    }

    /// <summary>The headings of a page, as GitHub writes them in links.</summary>
    private static HashSet<string> FindHeadings(string path) =>
    [
        .. Heading.Matches(Block.Replace(File.ReadAllText(path).ReplaceLineEndings("\n"), ""))
            .Select(heading => string.Concat(heading.Groups[1].Value.ToLowerInvariant().Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')).Replace(' ', '-')),
    ];

    /// <summary>Asserts that the file has every line, in this order. An excerpt may leave out lines between them.</summary>
    private static void AssertExcerpt(string file, string code)
    {
        var source = File.ReadAllLines(Path.Combine(Repository.Root, file)).Select(line => line.Trim()).ToList();
        var position = 0;
        foreach (var line in code.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0))
        {
            var found = source.FindIndex(position, candidate => candidate == line);
            Assert.True(found >= 0, $"{file} has no line \"{line}\" after line {position}");
            position = found + 1;
        }
    }
}
