using System.Globalization;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class LearningRateFinderTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public LearningRateFinderTests() => Idx.WriteSet(_data);

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Rates_grow_by_a_constant_factor_until_the_loss_grows()
    {
        var set = DataSet.Load(_data.Path);
        var recipe = set.Defaults with { BatchSize = 16 };
        var network = set.CreateConfig(recipe, new Normalization([0.1], [0.3]));
        manual_seed(1);
        using var model = network.Create(CPU);
        using var learner = new Learner(model, recipe, Precision.Fp32, CPU);
        var steps = 0;

        var sweep = LearningRateFinder.Sweep(learner, new TrainingBatches(set.Training, network, recipe, seed: 1), 60, () => steps++, CancellationToken.None);

        Assert.InRange(sweep.Count, 10, 60);
        Assert.InRange(steps, sweep.Count, sweep.Count + 1);
        Assert.Equal(1e-5, sweep[0].LearningRate, 1e-10);
        Assert.All(sweep.Zip(sweep.Skip(1)), pair => Assert.Equal(Math.Pow(1e6, 1 / 59.0), pair.Second.LearningRate / pair.First.LearningRate, 1e-9));
        Assert.True(sweep.Min(step => step.Loss) < sweep[0].Loss - 0.1);
        Assert.Equal(sweep.MinBy(step => step.Loss)!.LearningRate / 10, LearningRateFinder.Suggest(sweep));
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void The_average_of_the_first_few_losses_is_unbiased()
    {
        var set = DataSet.Load(_data.Path);
        var recipe = set.Defaults with { BatchSize = 4096 };
        var network = set.CreateConfig(recipe, new Normalization([0.1], [0.3]));
        using var model = network.Create(CPU);
        using (no_grad())
        {
            model.fc.weight.zero_();
            model.fc.bias!.zero_();
        }
        using var learner = new Learner(model, recipe, Precision.Fp32, CPU);

        var sweep = LearningRateFinder.Sweep(learner, new TrainingBatches(set.Training, network, recipe, seed: 1), 12, () => { }, CancellationToken.None);

        // With a zero classifier the loss is the logarithm of the ten classes, and rates of 1e-4 hardly change it.
        Assert.All(sweep.Take(3), step => Assert.Equal(Math.Log(10), step.Loss, 0.01));
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void The_program_writes_a_plot_and_a_table_and_suggests_a_rate()
    {
        var (code, output, error) = Run("lr-find", "--data", _data.Path, "--out", _out.Path, "--batch-size", "16", "--steps", "20", "--device", "cpu");

        Assert.Equal((0, ""), (code, error));
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(_out["lr-find.png"])[..4]);
        var rows = File.ReadAllLines(_out["lr-find.csv"]);
        Assert.Equal("learning_rate,loss", rows[0]);
        var lowest = rows[1..].Select(row => row.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray()).MinBy(row => row[1])!;
        Assert.Contains($"--lr {Digits.FormatRate(lowest[0] / 10)}", output, StringComparison.Ordinal);
        AssertRefused("--steps: expected a whole number from 10 to 10000, got '9'", "lr-find", "--steps", "9");
        AssertRefused("'--epochs'", "lr-find", "--epochs", "9");
    }
}
