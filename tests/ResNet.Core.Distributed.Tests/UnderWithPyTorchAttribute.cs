namespace ResNet.Core.Distributed.Tests;

/// <summary>A row that compares with what PyTorch computes.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class UnderWithPyTorchAttribute : UnderAttribute
{
    public UnderWithPyTorchAttribute(Mpi mpi, params object[] others)
        : base(mpi, others)
    {
        if (!PyTorch.IsThere)
            Skip ??= PyTorch.MissingReason;
    }
}
