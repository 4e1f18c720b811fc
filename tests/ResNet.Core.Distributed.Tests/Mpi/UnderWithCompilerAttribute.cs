namespace ResNet.Core.Distributed.Tests.Mpi;

/// <summary>A row for one MPI, which is skipped unless C can be compiled for that MPI.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class UnderWithCompilerAttribute : UnderAttribute
{
    /// <param name="mpi">The argument of the test.</param>
    public UnderWithCompilerAttribute(MpiKind mpi) : base(mpi) => Skip ??= Compiler.FindMissingReason(mpi);
}
