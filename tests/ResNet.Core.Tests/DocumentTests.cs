using System.Text.RegularExpressions;

namespace ResNet.Core.Tests;

/// <summary>What the README and the pages in docs say of the code is true of it.</summary>
public partial class DocumentTests
{
    [GeneratedRegex(@"^```csharp\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex CSharpBlock { get; }

    [GeneratedRegex(@"^// (?<file>(src|samples)/\S+\.cs)\n")]
    private static partial Regex FileName { get; }

    [GeneratedRegex(@"`(?<class>[A-Z]\w*Tests)\.(?<method>\w+)`")]
    private static partial Regex TestName { get; }

    [GeneratedRegex(@"\]\((?<file>[^)#:]+)(#[^)]+)?\)")]
    private static partial Regex RelativeLink { get; }

    private static string[] Documents => [Path.Combine(Repository.Root, "README.md"), Path.Combine(Repository.Root, "src", "ResNet.Core.Distributed", "README.md"), .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md")];

    public static TheoryData<string> Blocks => [.. Documents.SelectMany(path => CSharpBlock.Matches(File.ReadAllText(path).ReplaceLineEndings("\n"))).Select(match => match.Groups[1].Value)];

    /// <summary>A block is a program of its own, or, where its first line names a file, an excerpt of that file.</summary>
    [Theory]
    [MemberData(nameof(Blocks))]
    public void Every_block_of_CSharp_compiles(string code)
    {
        if (FileName.Match(code) is { Success: true } name)
            AssertExcerpt(name.Groups["file"].Value, code[name.Length..]);
        else
            Assert.Empty(CSharpProgram.Compile(code));
    }

    /// <summary>A page that says what a test shows is wrong once the test has another name.</summary>
    [Fact]
    public void Every_test_that_is_named_is_there()
    {
        var named = Documents.SelectMany(path => TestName.Matches(File.ReadAllText(path))).Select(match => (Class: match.Groups["class"].Value, Method: match.Groups["method"].Value)).Distinct().ToList();
        var sources = Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories).ToLookup(path => Path.GetFileNameWithoutExtension(path));
        Assert.NotEmpty(named);
        Assert.All(named, test => Assert.Contains(sources[test.Class], path => File.ReadAllText(path).Contains($" {test.Method}(", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_link_to_a_file_leads_to_one()
    {
        var links = Documents.SelectMany(path => RelativeLink.Matches(File.ReadAllText(path)).Select(match => Path.Combine(Path.GetDirectoryName(path)!, match.Groups["file"].Value))).ToList();
        Assert.NotEmpty(links);
        Assert.All(links, target => Assert.True(Path.Exists(target), target));
    }

    /// <summary>Every line stands in the file, in this order; comments and what lies between may be left out.</summary>
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
