namespace ResNet.Tests;

/// <summary>How a process ended, and both of its streams in one.</summary>
internal sealed record ChildResult(string Command, int Code, string Output)
{
    public ChildResult Succeeded()
    {
        Assert.True(Code == 0, $"{Command} ended with {Code}:\n{Output}");
        return this;
    }
}
