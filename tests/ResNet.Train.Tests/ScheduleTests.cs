namespace ResNet.Train.Tests;

public sealed class ScheduleTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(595)]
    public void The_learning_rate_is_above_zero_and_never_above_its_peak(int steps)
    {
        for (var step = 0; step < steps; step++)
            Assert.InRange(Schedule.ComputeLearningRate(step, steps, 0.1, 0.25), double.Epsilon, 0.1);
    }

    [Fact]
    public void The_learning_rate_rises_to_its_peak_and_falls_to_nearly_zero()
    {
        var rates = Enumerable.Range(0, 1000).Select(step => Schedule.ComputeLearningRate(step, 1000, 0.1, 0.25)).ToArray();

        Assert.Equal(rates[..250].Order(), rates[..250]);
        Assert.Equal(rates[250..].OrderDescending(), rates[250..]);
        Assert.Equal(0.1, rates.Max(), 1e-3);
        Assert.InRange(rates[0], 0, 1e-3);
        Assert.InRange(rates[^1], 0, 1e-6);
    }

    [Fact]
    public void Without_a_warmup_the_learning_rate_starts_at_its_peak()
    {
        Assert.Equal(0.1, Schedule.ComputeLearningRate(0, 1000, 0.1, 0), 1e-4);
        Assert.Equal(0.05, Schedule.ComputeLearningRate(50, 1000, 0.1, 0.101), 1e-3);
    }
}
