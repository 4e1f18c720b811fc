using ResNet.Core;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Degradation.Tests;

public sealed class NetworkTests
{
    // Counted by hand: 9 weights for each pair of channels in a 3x3 convolution, and 2 for each channel's batch norm. The first
    // of a stage's 2n layers reads fewer channels.
    private const int Ends = (9 * 1 * 16 + 2 * 16) + (64 * 10 + 10);
    private const int Stages20 = 6 * (9 * 16 * 16 + 2 * 16) + 6 * (9 * 32 * 32 + 2 * 32) - 9 * 16 * 32 + 6 * (9 * 64 * 64 + 2 * 64) - 9 * 32 * 64;
    private const int Stages56 = 18 * (9 * 16 * 16 + 2 * 16) + 18 * (9 * 32 * 32 + 2 * 32) - 9 * 16 * 32 + 18 * (9 * 64 * 64 + 2 * 64) - 9 * 32 * 64;
    private const int Shortcuts = (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64);

    [Theory]
    [InlineData("Plain", 20, Ends + Stages20)]
    [InlineData("Plain", 56, Ends + Stages56)]
    [InlineData("Residual", 20, Ends + Stages20 + Shortcuts)]
    [InlineData("Residual", 56, Ends + Stages56 + Shortcuts)]
    public void A_network_has_the_layers_of_its_name_and_the_expected_parameters(string kind, int layers, long parameters)
    {
        using var model = CreateNetwork(kind, layers);

        var modules = model.modules().ToArray();
        Assert.Equal(layers, modules.OfType<Conv2d>().Count(conv => conv.kernel_size[0] == 3) + modules.OfType<Linear>().Count());
        Assert.Equal(kind == "Plain" ? 0 : 2, modules.OfType<Conv2d>().Count(conv => conv.kernel_size[0] == 1));
        Assert.Equal(kind == "Plain" ? 0 : (layers - 2) / 2, modules.OfType<BasicBlock>().Count());
        Assert.Equal(parameters, model.parameters().Sum(parameter => parameter.numel()));
    }

    [Theory]
    [InlineData("Plain", 14, 4)]
    [InlineData("Plain", 28, 7)]
    [InlineData("Residual", 28, 7)]
    [InlineData("Residual", 32, 8)]
    public void Stages_halve_the_image_and_double_the_channels(string kind, int size, int last)
    {
        using var scope = NewDisposeScope();
        using var model = CreateNetwork(kind, 20);

        var first = model.layer1.call(model.conv1.call(rand(2, 1, size, size)));
        var second = model.layer2.call(first);
        var third = model.layer3.call(second);

        Assert.Equal([2, 16, size, size], first.shape);
        Assert.Equal([2, 32, (size + 1) / 2, (size + 1) / 2], second.shape);
        Assert.Equal([2, 64, last, last], third.shape);
        Assert.Equal([2, 10], model.call(rand(2, 1, size, size)).shape);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(56)]
    public void Plain_and_residual_networks_start_with_the_same_weights_except_for_the_shortcuts(int layers)
    {
        using var plain = CreateNetwork("Plain", layers);
        using var residual = CreateNetwork("Residual", layers);

        var (without, with) = (plain.state_dict(), residual.state_dict());
        Assert.Equal(without.Keys, with.Keys.Where(name => !name.Contains("shortcut", StringComparison.Ordinal)));
        Assert.Equal(["layer2.0", "layer3.0"], with.Keys.Except(without.Keys).Select(name => name[..8]).Distinct());
        Assert.All(without, pair => Assert.True(pair.Value.equal(with[pair.Key]).all().item<bool>(), pair.Key));
        // Kaiming initialization, which keeps the signal's size behind a ReLU: 9 weights for each of 64 channels
        Assert.Equal(Math.Sqrt(2.0 / (9 * 64)), with["layer3.1.conv1.weight"].std().item<float>(), 1e-3);
    }

    [Fact]
    public void Another_seed_gives_other_weights()
    {
        using var one = new Network(Kind.Plain, 20, seed: 1);
        using var two = new Network(Kind.Plain, 20, seed: 2);

        Assert.False(one.conv1.weight!.equal(two.conv1.weight!).any().item<bool>());
        Assert.False(one.fc.weight!.equal(two.fc.weight!).any().item<bool>());
    }

    [Theory]
    [InlineData("Plain", 20)]
    [InlineData("Plain", 56)]
    [InlineData("Residual", 20)]
    [InlineData("Residual", 56)]
    public void The_gradient_reaches_every_layer_and_no_tensor_leaks(string kind, int layers)
    {
        using var model = CreateNetwork(kind, layers);
        using var images = randn(4, 1, 14, 14);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        using (NewDisposeScope())
            model.call(images).sum().backward();

        // The gradients are the only new tensors.
        Assert.All(model.named_parameters(), named => Assert.True(named.parameter.grad is { } gradient && gradient.abs().sum().item<float>() > 0, named.name));
        using (NewDisposeScope())
            Assert.True(model.conv1.weight!.grad!.isfinite().all().item<bool>());
        Assert.InRange(DisposeScopeManager.Statistics.ThreadTotalLiveCount - before, 0, 4 * model.parameters().Count());
    }

    [Fact]
    public void With_a_zero_branch_a_residual_block_returns_its_input_and_a_plain_block_returns_zero()
    {
        using var scope = NewDisposeScope();
        var x = rand(2, 16, 5, 5);
        using var residual = new BasicBlock(16, 16);
        using var plain = new PlainBlock(16, 16);
        using (no_grad())
        {
            residual.bn2.weight!.zero_();
            plain.bn2.weight!.zero_();
        }

        Assert.True(residual.call(x).equal(x).all().item<bool>());
        Assert.Equal(0, plain.call(x).abs().max().item<float>());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(21)]
    [InlineData(-4)]
    public void A_depth_that_the_paper_does_not_define_is_refused(int layers) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Network(Kind.Plain, layers, seed: 1));

    private static Network CreateNetwork(string kind, int layers) => new(Enum.Parse<Kind>(kind), layers, seed: 1);
}
