using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class MovingAverageTests : IDisposable
{
    private readonly ResNet18 _model = new(2), _average = new(2);

    public void Dispose()
    {
        _model.Dispose();
        _average.Dispose();
    }

    [Fact]
    public void Start_copies_the_network()
    {
        Fill(_model, 3, count: 5);

        MovingAverage.Start(_average, _model);

        AssertFilled(_average, 3, count: 5);
    }

    /// <summary>At first, the share is (1 + step) / (10 + step).</summary>
    [Theory]
    [InlineData(0.75, 0, 0.1)]
    [InlineData(0.75, 8, 0.5)]
    [InlineData(0.75, 26, 0.75)]
    [InlineData(0.75, 1_000, 0.75)]
    [InlineData(0.999, 90, 0.91)]
    public void Update_keeps_a_share_of_the_average_of_weights_and_statistics_and_copies_counts(double decay, long step, double share)
    {
        Fill(_average, 2, count: 1);
        Fill(_model, 6, count: 9);

        MovingAverage.Update(_average, _model, decay, step);

        AssertFilled(_average, 2 * share + 6 * (1 - share), count: 9);
        AssertFilled(_model, 6, count: 9);
    }

    [Fact]
    public void The_trainer_updates_the_average_after_each_step_and_it_is_the_result()
    {
        using var folder = new TempFolder();
        Idx.WriteSet(folder);
        var data = DataSet.Load(folder.Path);
        var recipe = data.Defaults with { Size = 16, BatchSize = 16, Epochs = 2, Ema = 0.75 };
        var network = data.CreateConfig(recipe, new Normalization([0.1], [0.3]));
        using var state = new TrainingState(network.Create(CPU), recipe.Epochs, network.Create(CPU));
        using var interruption = new Interruption();
        var trainer = new Trainer(
            state, data, network, new Settings(folder.Path, null, recipe, Seed: 1, "cpu", Precision.Fp32, ChannelsLast: false), CPU, new Together(new Ranks(), interruption), classWeights: null);
        var (step, expected) = (0, ReadWeights(state.Model));

        trainer.Train(new TrainingReport(_ => UpdateExpected(), _ => { }));

        Assert.Equal(8, step);
        Assert.InRange(expected.Zip(ReadWeights(state.Average!), (value, average) => Math.Abs(value - average)).Max(), 0, 1e-6);
        Assert.Same(state.Average, state.Result);

        void UpdateExpected()
        {
            var share = Math.Min(0.75, (1.0 + step) / (10 + step));
            expected = [.. expected.Zip(ReadWeights(state.Model), (average, weight) => share * average + (1 - share) * weight)];
            step++;
        }

        static double[] ReadWeights(ResidualNetwork network) => [.. network.fc.weight!.data<float>().Select(weight => (double)weight)];
    }

    private static void Fill(ResNet18 network, double value, long count)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (var tensor in network.state_dict().Values)
            tensor.fill_(tensor.is_floating_point() ? value : count);
    }

    private static void AssertFilled(ResNet18 network, double value, long count)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, tensor) in network.state_dict())
            Assert.True(tensor.allclose(full_like(tensor, tensor.is_floating_point() ? value : count), rtol: 1e-6), name);
    }
}
