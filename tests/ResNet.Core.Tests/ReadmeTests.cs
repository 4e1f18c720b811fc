using System.Text.RegularExpressions;

namespace ResNet.Core.Tests;

/// <summary>The code in the README is code.</summary>
public partial class ReadmeTests
{
    [GeneratedRegex(@"^```csharp\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex CSharpBlock { get; }

    [GeneratedRegex(@"^// (?<file>(src|samples)/\S+\.cs)\n")]
    private static partial Regex FileName { get; }

    public static TheoryData<string> Blocks => [.. CSharpBlock.Matches(File.ReadAllText(Path.Combine(Repository.Root, "README.md")).ReplaceLineEndings("\n")).Select(match => match.Groups[1].Value)];

    /// <summary>A block is a program of its own, or, where its first line names a file, an excerpt of that file.</summary>
    [Theory]
    [MemberData(nameof(Blocks))]
    public void Every_block_of_CSharp_in_the_README_compiles(string code)
    {
        if (FileName.Match(code) is { Success: true } name)
            AssertExcerpt(name.Groups["file"].Value, code[name.Length..]);
        else
            Assert.Empty(CSharpProgram.Compile(code));
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
