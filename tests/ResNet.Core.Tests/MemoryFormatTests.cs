using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Tests;

public sealed class MemoryFormatTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ToMemoryFormat_reorders_the_same_values()
    {
        using var scope = NewDisposeScope();
        var x = rand(2, 3, 4, 5);
        var before = Tensor.TotalCount;

        var channelsLast = x.ToMemoryFormat(memory_format.channels_last);
        Assert.Equal(before + 1, Tensor.TotalCount);
        Assert.Equal([2, 3, 4, 5], channelsLast.shape);
        Assert.Equal([60, 1, 15, 3], channelsLast.stride());
        Assert.True(channelsLast.equal(x).all().item<bool>());

        var back = channelsLast.ToMemoryFormat(memory_format.contiguous_format);
        Assert.Equal([60, 20, 5, 1], back.stride());
        Assert.True(back.equal(x).all().item<bool>());
    }

    [Fact]
    public void A_tensor_that_already_has_the_format_is_not_copied()
    {
        using var scope = NewDisposeScope();
        var channelsLast = rand(2, 3, 4, 5).ToMemoryFormat(memory_format.channels_last);
        channelsLast.ToMemoryFormat(memory_format.channels_last).zero_();
        Assert.Equal(0, channelsLast.abs().sum().item<float>());

        var contiguous = ones(2, 3);
        contiguous.ToMemoryFormat(memory_format.contiguous_format).zero_();
        Assert.Equal(0, contiguous.sum().item<float>());
    }

    [Fact]
    public void Other_formats_and_tensors_without_four_dimensions_are_refused()
    {
        using var x = rand(3, 4, 5);
        using var model = new BasicBlock(2, 2);
        Assert.Contains("(N, C, H, W), got (3, 4, 5)", Assert.Throws<ArgumentException>("x", () => x.ToMemoryFormat(memory_format.channels_last)).Message, StringComparison.Ordinal);
        Assert.Contains("got preserve_format", Assert.Throws<ArgumentException>("format", () => x.ToMemoryFormat(memory_format.preserve_format)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("format", () => model.ToMemoryFormat(memory_format.preserve_format));
        Assert.Throws<ArgumentNullException>(() => ((Tensor)null!).ToMemoryFormat(memory_format.channels_last));
        Assert.Throws<ArgumentNullException>(() => ((BasicBlock)null!).ToMemoryFormat(memory_format.channels_last));
    }

    /// <summary>In float64, another order of summation changes results from the 14th digit on.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [CpuData]
    [CudaData]
    public void An_optimizer_created_before_keeps_training_the_same_parameters(string device)
    {
        using var scope = NewDisposeScope();
        var (contiguous, channelsLast) = (CreateNetwork(), CreateNetwork());
        using var optimizer = optim.SGD(contiguous.parameters(), 0.01, momentum: 0.9);
        using var other = optim.SGD(channelsLast.parameters(), 0.01, momentum: 0.9);
        var parameters = channelsLast.parameters().ToArray();
        var x = rand([4, 3, 16, 16], ScalarType.Float64, new Device(device));

        Train(contiguous, optimizer); // so that there are momenta and gradients
        Train(channelsLast, other);
        Assert.Same(channelsLast, channelsLast.ToMemoryFormat(memory_format.channels_last));
        Assert.Equal(1, channelsLast.conv1.weight.grad!.stride(1));
        for (var i = 0; i < 3; i++)
        {
            Train(contiguous, optimizer);
            Train(channelsLast, other);
        }

        Assert.All(parameters.Zip(channelsLast.parameters()), pair => Assert.Same(pair.First, pair.Second));
        AssertFormat(memory_format.channels_last, channelsLast);
        AssertFormat(memory_format.contiguous_format, contiguous);
        foreach (var (expected, actual) in contiguous.parameters().Zip(channelsLast.parameters()))
            Assert.InRange((expected - actual).abs().max().item<double>(), 0, 1e-11);

        ResNet18 CreateNetwork()
        {
            manual_seed(0);
            return new ResNet18(10, Stem.Conv3, dtype: ScalarType.Float64).to(new Device(device)); // drawn on the CPU: the same seed gives other numbers on a GPU
        }

        void Train(ResNet18 model, SGD sgd)
        {
            using var inner = NewDisposeScope();
            sgd.zero_grad();
            F.cross_entropy(model.call(x), tensor([0L, 1, 2, 3], device: new Device(device))).backward();
            sgd.step();
        }
    }

    [Theory]
    [CpuData]
    [CudaData]
    public void Channels_last_weights_give_channels_last_outputs_in_every_layer(string device)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, device: new Device(device)).ToMemoryFormat(memory_format.channels_last);
        var strides = new List<long>();
        foreach (var layer in (Sequential[])[model.layer1, model.layer2, model.layer3, model.layer4])
            layer.register_forward_hook((_, _, output) => { strides.Add(output.stride(1)); return output; });

        model.call(rand([2, 3, 64, 64], device: new Device(device))).Dispose();

        Assert.Equal([1, 1, 1, 1], strides);
    }

    /// <summary>In float32, another order of summation changes the outputs of a deep, untrained network from the fourth digit on.</summary>
    [FamilyTheory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void Every_network_gives_the_same_outputs_and_keeps_the_format_in_training(string architecture)
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var model = Family.Create(architecture, 10, Stem.Conv3);
        using var optimizer = optim.SGD(model.parameters(), 0.01, momentum: 0.9);
        var x = rand(2, 3, 16, 16);
        var strides = new List<long>();
        foreach (var layer in (Sequential[])[model.layer1, model.layer2, model.layer3, model.layer4])
            layer.register_forward_hook((_, _, output) => { strides.Add(output.stride(1)); return output; });

        model.eval();
        var contiguous = ComputeLogits();
        model.ToMemoryFormat(memory_format.channels_last);
        var channelsLast = ComputeLogits();
        Assert.InRange(((contiguous - channelsLast).abs().max() / contiguous.abs().max()).item<float>(), 0, 1e-3f);

        strides.Clear();
        model.train();
        F.cross_entropy(model.call(x), tensor([0L, 1])).backward();
        optimizer.step();
        AssertFormat(memory_format.channels_last, model);
        Assert.Equal([1, 1, 1, 1], strides);

        Tensor ComputeLogits()
        {
            using var _ = no_grad();
            return model.call(x);
        }
    }

    [Theory]
    [InlineData("model.pth")]
    [InlineData("model.safetensors")]
    public void The_format_does_not_change_saved_files_and_loading_keeps_it(string name)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10);
        var (file, other) = (_folder[name], _folder["other-" + name]);
        Checkpoint.Save(model, file);
        var before = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());

        model.ToMemoryFormat(memory_format.channels_last);
        Checkpoint.Save(model, other);
        using (no_grad())
            foreach (var parameter in model.parameters())
                parameter.zero_();
        Checkpoint.Load(model, file);

        Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(other));
        AssertFormat(memory_format.channels_last, model);
        Assert.All(model.state_dict(), entry => Assert.True(entry.Value.equal(before[entry.Key]).all().item<bool>(), entry.Key));
        AssertFormat(memory_format.contiguous_format, model.ToMemoryFormat(memory_format.contiguous_format));
        Assert.All(model.state_dict(), entry => Assert.True(entry.Value.equal(before[entry.Key]).all().item<bool>(), entry.Key));
    }

    private static void AssertFormat(memory_format format, nn.Module model)
    {
        foreach (var (name, weight) in model.named_parameters().Where(entry => entry.parameter is { } p && p.dim() == 4 && p.shape[3] > 1))
            Assert.True(weight.stride(format == memory_format.channels_last ? 1 : 3) == 1, $"{name} has strides {string.Join(", ", weight.stride())}");
    }
}
