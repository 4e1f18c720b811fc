using Xunit.Abstractions;
using Xunit.Sdk;

namespace ResNet.Tests;

/// <summary>Discovers theories of which only some rows are slow; see <see cref="Category"/>.</summary>
/// <param name="log">The log of the test runner.</param>
public abstract class SlowRowsDiscoverer(IMessageSink log) : TheoryDiscoverer(log)
{
    protected abstract bool IsSlow(object[] row);

    protected override IEnumerable<IXunitTestCase> CreateTestCasesForDataRow(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute, object[] dataRow)
    {
        foreach (var testCase in base.CreateTestCasesForDataRow(discoveryOptions, testMethod, theoryAttribute, dataRow))
        {
            if (IsSlow(dataRow))
                testCase.Traits[Category.Name] = [Category.Slow];
            yield return testCase;
        }
    }
}
