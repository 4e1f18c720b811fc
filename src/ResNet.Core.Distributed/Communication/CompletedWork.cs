namespace ResNet.Core.Distributed.Communication;

/// <summary>Work that is complete from the start.</summary>
internal sealed class CompletedWork : IWork
{
    public static CompletedWork Instance { get; } = new();

    public bool IsCompleted() => true;
}
