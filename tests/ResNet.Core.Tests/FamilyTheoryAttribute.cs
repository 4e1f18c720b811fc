using Xunit.Abstractions;
using Xunit.Sdk;

namespace ResNet.Core.Tests;

/// <summary>A theory whose first argument is a network's name. The rows of large networks are slow; see <see cref="Category"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("ResNet.Core.Tests.FamilyTheoryDiscoverer", "ResNet.Core.Tests")]
public sealed class FamilyTheoryAttribute : TheoryAttribute;

/// <summary>Makes one test case of each row.</summary>
/// <param name="log">The runner's.</param>
public sealed class FamilyTheoryDiscoverer(IMessageSink log) : TheoryDiscoverer(log)
{
    protected override IEnumerable<IXunitTestCase> CreateTestCasesForDataRow(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute, object[] dataRow)
    {
        foreach (var testCase in base.CreateTestCasesForDataRow(discoveryOptions, testMethod, theoryAttribute, dataRow))
        {
            if (!Family.IsSmall((string)dataRow[0]))
                testCase.Traits[Category.Name] = [Category.Slow];
            yield return testCase;
        }
    }
}
