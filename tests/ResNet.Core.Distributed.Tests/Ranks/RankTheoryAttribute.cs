using Xunit.Abstractions;
using Xunit.Sdk;

namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>A theory that starts ranks in each row. Every row is slow except that of Open MPI with two ranks or without a number of ranks.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("ResNet.Core.Distributed.Tests.Ranks.RankTheoryDiscoverer", "ResNet.Core.Distributed.Tests")]
public sealed class RankTheoryAttribute : TheoryAttribute;

/// <inheritdoc/>
public sealed class RankTheoryDiscoverer(IMessageSink log) : SlowRowsDiscoverer(log)
{
    protected override bool IsSlow(object[] row) => row is not ([MpiKind.OpenMpi] or [MpiKind.OpenMpi, 2]);
}
