using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Tests;

/// <summary>The wrapper on one process, where a training loop must behave as on several.</summary>
public sealed class DistributedDataParallelTests : IDisposable
{
    private readonly ProcessGroup _group = ProcessGroup.Init();

    public void Dispose() => _group.Dispose();

    [Fact]
    public void Gradients_equal_those_of_the_unwrapped_module()
    {
        using var module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace: true), nn.Linear(4, 2));
        using var input = randn(5, 3);
        module.call(input).sum().backward();
        var expected = module.parameters().Select(parameter => parameter.grad!.clone()).ToList();
        module.zero_grad();

        using var ddp = new DistributedDataParallel(module, _group);
        ddp.call(input).sum().backward();
        ddp.synchronize();

        Assert.All(module.parameters().Zip(expected), pair => Assert.True(pair.First.grad!.Equals(pair.Second)));
    }

    [Fact]
    public void Parameters_are_named_as_in_PyTorch_and_eval_reaches_the_module()
    {
        using var module = nn.Sequential(nn.Linear(3, 4));
        using var ddp = new DistributedDataParallel(module, _group);
        Assert.Equal(["module.0.weight", "module.0.bias"], ddp.named_parameters().Select(entry => entry.name));
        ddp.eval();
        Assert.False(module.training);
    }

    [Fact]
    public void Disposing_the_wrapper_leaves_the_module_usable()
    {
        using var module = nn.Linear(3, 4);
        var ddp = new DistributedDataParallel(module, _group);
        ddp.Dispose();
        ddp.Dispose();
        using var input = ones(1, 3);
        Assert.Equal([1, 4], module.call(input).shape);
        Assert.Throws<ObjectDisposedException>(() => ddp.call(input));
    }

    [Fact]
    public void A_forward_pass_before_synchronize_is_refused()
    {
        using var module = nn.Linear(3, 1);
        using var ddp = new DistributedDataParallel(module, _group);
        using var input = ones(1, 3);
        ddp.call(input).sum().backward();

        Assert.Contains("synchronize()", Assert.Throws<InvalidOperationException>(() => ddp.call(input)).Message);
        using (no_grad())
            ddp.call(input); // evaluation needs no synchronize

        ddp.synchronize();
        ddp.call(input);
    }

    [Fact]
    public void Gradients_add_up_within_no_sync()
    {
        using var module = nn.Linear(3, 1, hasBias: false);
        using var ddp = new DistributedDataParallel(module, _group);
        using var input = ones(1, 3);
        using (ddp.no_sync())
            for (var i = 0; i < 3; i++)
                ddp.call(input).sum().backward();
        ddp.call(input).sum().backward();
        ddp.synchronize();
        Assert.Equal([4f, 4f, 4f], module.weight.grad!.data<float>().ToArray());
    }

    [Fact]
    public void Overlapping_no_sync_scopes_may_be_disposed_in_any_order()
    {
        using var module = nn.Linear(3, 1);
        using var ddp = new DistributedDataParallel(module, _group);
        using var input = ones(1, 3);
        var (first, second) = (ddp.no_sync(), ddp.no_sync());
        first.Dispose();
        first.Dispose();
        ddp.call(input).sum().backward();
        ddp.call(input).sum().backward(); // the second scope is still open
        second.Dispose();
        first.Dispose();

        ddp.call(input).sum().backward();
        Assert.Throws<InvalidOperationException>(() => ddp.call(input));
    }

    [Fact]
    public void Tensors_of_the_module_and_the_caller_are_neither_disposed_nor_changed()
    {
        Tensor? kept = null;
        using var linear = nn.Linear(3, 1);
        using var module = new Function(linear, x => kept = linear.call(x));
        using var input = ones(1, 3, requires_grad: true);
        using (var ddp = new DistributedDataParallel(module, _group))
        using (var output = ddp.call(input))
            Assert.Equal(output.item<float>(), kept!.item<float>());
        Assert.Equal([1, 1], kept.shape);

        using var identity = new Function(linear, x => x);
        using (var ddp = new DistributedDataParallel(identity, _group))
            ddp.call(input);
        Assert.Equal([1f, 1f, 1f], input.data<float>().ToArray());
    }

    [Fact]
    public void Collective_operations_between_backward_and_synchronize_are_refused()
    {
        using var module = nn.Linear(3, 3);
        using var other = nn.Linear(3, 1);
        using var ddp = new DistributedDataParallel(module, _group);
        using var second = new DistributedDataParallel(other, _group);
        using var input = ones(1, 3);
        second.call(ddp.call(input)).sum().backward();

        ddp.synchronize(); // the backward pass also went through the second wrapper, which is not synchronized yet
        Assert.All<Action>([() => _group.AllReduce(input), () => _group.Broadcast(input), _group.Barrier], action =>
            Assert.Contains("synchronize()", Assert.Throws<InvalidOperationException>(action).Message));
        second.synchronize();
        _group.AllReduce(input);

        second.call(input).sum().backward();
        second.Dispose(); // also discards its open gradients
        _group.Barrier();
    }

    [Fact]
    public void A_module_cannot_be_wrapped_again_until_its_wrapper_is_disposed()
    {
        using var part = nn.Linear(3, 1);
        using var module = nn.Sequential(part);
        using (var ddp = new DistributedDataParallel(part, _group))
            Assert.All<nn.Module<Tensor, Tensor>>([part, module, ddp], wrapped =>
                Assert.Contains("already wrapped", Assert.Throws<ArgumentException>(() => new DistributedDataParallel(wrapped, _group)).Message));

        using var rewrapped = new DistributedDataParallel(module, _group);
        using var input = ones(1, 3);
        rewrapped.call(input).sum().backward();
        rewrapped.synchronize();
        Assert.Equal([1f, 1f, 1f], part.weight.grad!.data<float>().ToArray());
    }

    [Fact]
    public void An_output_may_be_changed_in_place()
    {
        using var module = nn.Linear(3, 1);
        using var ddp = new DistributedDataParallel(module, _group);
        using var input = ones(1, 3);
        ddp.call(input).mul_(2).sum().backward();
        Assert.Equal(2, module.bias!.grad!.item<float>());
    }

    [Fact]
    public void Modules_without_gradients_to_average_and_invalid_bucket_sizes_are_refused()
    {
        using var frozen = nn.Linear(3, 1);
        frozen.weight.requires_grad = false;
        frozen.bias!.requires_grad = false;
        Assert.Contains("requires a gradient", Assert.Throws<ArgumentException>(() => new DistributedDataParallel(frozen, _group)).Message);

        using var complex = nn.Linear(3, 1, dtype: ScalarType.ComplexFloat32);
        Assert.Contains("weight: expected floating-point numbers, got ComplexFloat32", Assert.Throws<ArgumentException>(() => new DistributedDataParallel(complex, _group)).Message);

        using var module = nn.Linear(3, 1);
        foreach (var capacity in (double[])[0, -1, double.NaN, double.PositiveInfinity])
            Assert.Throws<ArgumentOutOfRangeException>(() => new DistributedDataParallel(module, _group, capacity));
    }

    [Fact]
    public void Adding_parameters_after_wrapping_is_refused()
    {
        using var module = nn.Sequential(nn.Linear(3, 3));
        using var ddp = new DistributedDataParallel(module, _group);
        module.append("added", nn.Linear(3, 1));
        using var input = ones(1, 3);
        Assert.Contains("other parameters", Assert.Throws<InvalidOperationException>(() => ddp.call(input)).Message);
    }

    [Fact]
    public void Freezing_or_replacing_parameters_after_wrapping_is_refused()
    {
        using var module = nn.Linear(3, 1);
        using var ddp = new DistributedDataParallel(module, _group);
        using var input = ones(1, 3);
        module.weight.requires_grad = false;
        Assert.Contains("weight was trainable and is now frozen", Assert.Throws<InvalidOperationException>(() => ddp.call(input)).Message);
        module.weight.requires_grad = true;
        module.to(ScalarType.Float64);
        using var wide = input.to(ScalarType.Float64);
        Assert.Contains("other parameters", Assert.Throws<InvalidOperationException>(() => ddp.call(wide)).Message);
    }

    private sealed class Function : nn.Module<Tensor, Tensor>
    {
        private readonly Func<Tensor, Tensor> _forward;

        public Function(nn.Module part, Func<Tensor, Tensor> forward)
            : base(nameof(Function))
        {
            _forward = forward;
            register_module(nameof(part), part);
        }

        public override Tensor forward(Tensor input) => _forward(input);
    }
}
