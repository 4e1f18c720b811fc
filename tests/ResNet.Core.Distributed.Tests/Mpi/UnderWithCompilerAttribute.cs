namespace ResNet.Core.Distributed.Tests.Mpi;

/// <summary>As <see cref="UnderAttribute"/>, where C can be compiled for that MPI as well.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class UnderWithCompilerAttribute : UnderAttribute
{
    /// <param name="mpi">The test's argument.</param>
    public UnderWithCompilerAttribute(MpiKind mpi) : base(mpi) => Skip ??= Compiler.FindReason(mpi);
}
