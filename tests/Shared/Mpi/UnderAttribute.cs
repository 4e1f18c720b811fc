using System.Reflection;
using Xunit.Sdk;

namespace ResNet.Tests;

/// <summary>A theory's row for one MPI, which is skipped where that MPI is not installed.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public class UnderAttribute : DataAttribute
{
    private readonly object[] _row;

    /// <param name="mpi">The test's first argument.</param>
    /// <param name="others">The test's other arguments.</param>
    public UnderAttribute(MpiKind mpi, params object[] others)
    {
        _row = [mpi, .. others];
        if (MpiLauncher.Find(mpi) is null)
            Skip = MpiLauncher.MissingReason(mpi);
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [_row];
}
