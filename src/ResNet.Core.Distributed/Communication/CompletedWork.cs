namespace ResNet.Core.Distributed.Communication;

/// <summary>Work that was done when it began.</summary>
internal sealed class CompletedWork : IWork
{
    public static CompletedWork Instance { get; } = new();

    public bool IsCompleted() => true;
}
