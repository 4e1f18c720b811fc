namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>A row that compares with PyTorch, and is skipped without it.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class UnderWithPyTorchAttribute : UnderAttribute
{
    public UnderWithPyTorchAttribute(MpiKind mpi, params object[] others)
        : base(mpi, others)
    {
        if (!PyTorch.IsAvailable)
            Skip ??= PyTorch.MissingReason;
    }
}
