using System.Globalization;

namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>The values that the ranks reported in lines of <c>@ rank name value</c>.</summary>
internal sealed class RankResult(ChildResult process, int ranks)
{
    public int Code => process.Code;

    public string Output => process.Output;

    public static IEnumerable<(int Rank, string Value)> ParseValues(string output, string name) =>
        from line in output.Split('\n')
        let words = line.Split(' ', 4)
        where words.Length == 4 && words[0] == "@" && words[2] == name
        select (int.Parse(words[1], CultureInfo.InvariantCulture), words[3]);

    /// <summary>Returns the value of every rank, in the order of the ranks.</summary>
    public IReadOnlyList<string> GetValues(string name)
    {
        var values = ParseValues(Output, name).OrderBy(value => value.Rank).ToList();
        Assert.True(values.Select(value => value.Rank).SequenceEqual(Enumerable.Range(0, ranks)), $"Expected {name} of {ranks} ranks:\n{Explanation}");
        return [.. values.Select(value => value.Value)];
    }

    /// <summary>Returns the value of one rank.</summary>
    public string GetValue(int rank, string name)
    {
        var values = ParseValues(Output, name).Where(value => value.Rank == rank).ToList();
        Assert.True(values.Count == 1, $"Expected one {name} of rank {rank}, got {values.Count}:\n{Explanation}");
        return values[0].Value;
    }

    public double GetNumber(int rank, string name) => double.Parse(GetValue(rank, name), CultureInfo.InvariantCulture);

    /// <summary>Asserts that all ranks have the same value, and returns it.</summary>
    public string GetCommonValue(string name)
    {
        var values = GetValues(name);
        Assert.True(values.Distinct().Count() == 1, $"{name} differs between the ranks:\n{Explanation}");
        return values[0];
    }

    public void AssertContains(string text) => Assert.True(Output.Contains(text, StringComparison.Ordinal), $"Expected '{text}':\n{Explanation}");

    public string Explanation => $"{process.Command} ended with {Code}:\n{Output}";
}
