using Xunit.Abstractions;
using Xunit.Sdk;

namespace ResNet.Core.Tests;

/// <summary>A theory whose first argument is a network's name. The rows of large networks are slow.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("ResNet.Core.Tests.FamilyTheoryDiscoverer", "ResNet.Core.Tests")]
public sealed class FamilyTheoryAttribute : TheoryAttribute;

/// <inheritdoc/>
public sealed class FamilyTheoryDiscoverer(IMessageSink log) : SlowRowsDiscoverer(log)
{
    protected override bool IsSlow(object[] row) => !Family.IsSmall((string)row[0]);
}
