namespace ResNet.Train.Tests;

public sealed class WilsonIntervalTests
{
    /// <summary>Expected values of statsmodels' <c>proportion_confint(…, method="wilson")</c>.</summary>
    [Theory]
    [InlineData(8, 10, 0.490162, 0.943318)]
    [InlineData(0, 10, 0, 0.277533)]
    [InlineData(10, 10, 0.722467, 1)]
    [InlineData(367, 512, 0.676268, 0.754097)]
    [InlineData(1, 1, 0.206549, 1)]
    public void The_interval_agrees_with_statsmodels(int successes, int count, double low, double high)
    {
        var interval = WilsonInterval.Find(successes, count);
        Assert.Equal(low, interval.Low, 1e-5);
        Assert.Equal(high, interval.High, 1e-5);
    }
}
