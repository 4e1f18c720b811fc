namespace ResNet.Tests;

/// <summary>The exit code of a process, and both of its streams in one text.</summary>
internal sealed record ChildResult(string Command, int Code, string Output)
{
    /// <summary>Asserts that the exit code is 0.</summary>
    public ChildResult AssertSucceeded()
    {
        Assert.True(Code == 0, $"{Command} ended with {Code}:\n{Output}");
        return this;
    }
}
