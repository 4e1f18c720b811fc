using Xunit.Abstractions;
using Xunit.Sdk;

namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>A theory that starts ranks in each of its rows. The row of two ranks, or of no number, under Open MPI is for the inner loop, all others are slow; see <see cref="Category"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("ResNet.Core.Distributed.Tests.Ranks.RankTheoryDiscoverer", "ResNet.Core.Distributed.Tests")]
public sealed class RankTheoryAttribute : TheoryAttribute;

/// <summary>Makes one test case of each row.</summary>
/// <param name="log">The runner's.</param>
public sealed class RankTheoryDiscoverer(IMessageSink log) : TheoryDiscoverer(log)
{
    protected override IEnumerable<IXunitTestCase> CreateTestCasesForDataRow(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute, object[] dataRow)
    {
        foreach (var testCase in base.CreateTestCasesForDataRow(discoveryOptions, testMethod, theoryAttribute, dataRow))
        {
            if (dataRow is not ([MpiKind.OpenMpi] or [MpiKind.OpenMpi, 2]))
                testCase.Traits[Category.Name] = [Category.Slow];
            yield return testCase;
        }
    }
}
