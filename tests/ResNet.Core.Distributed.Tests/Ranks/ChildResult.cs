namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>How a process ended and what it said, both streams together.</summary>
internal sealed record ChildResult(string Command, int Code, string Output)
{
    public ChildResult Succeeded()
    {
        Assert.True(Code == 0, $"{Command} ended with {Code}:\n{Output}");
        return this;
    }
}
