using System.Diagnostics;
using ResNet.Core.Distributed.Parallel;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ResNet.Core.Distributed.Benchmarks;

/// <summary>How a training step treats the gradients.</summary>
internal enum Way
{
    /// <summary>Each rank trains alone.</summary>
    Plain,

    /// <summary>Each rank trains alone, with the signals in the backward pass that <see cref="Overlapped"/> needs.</summary>
    Signals,

    /// <summary>All gradients are reduced after the backward pass.</summary>
    Late,

    /// <summary>Gradients are reduced during the backward pass.</summary>
    Overlapped,
}

/// <summary>The times of a step in milliseconds.</summary>
internal readonly record struct Step(double Forward, double Backward, double Synchronize, double Total, double Processor);

internal sealed class StepBenchmark(ResidualNetwork model, ProcessGroup group, int images, int size, int bucket)
{
    private readonly Tensor _images = randn(images, 3, size, size), _labels = randint(0, 1000, images);
    private readonly SGD _optimizer = optim.SGD(model.parameters(), 0.001, momentum: 0.9);

    /// <summary>Takes one step to warm up, and times the following <paramref name="steps"/>.</summary>
    public List<Step> Run(Way way, int steps)
    {
        using var parallel = way >= Way.Late ? new DistributedDataParallel(model, group, bucket, true, overlap: way == Way.Overlapped) : null;
        var hooks = way == Way.Signals ? AttachSignals() : [];
        group.Barrier();
        var timed = Enumerable.Range(0, steps + 1).Select(_ => TakeStep(parallel)).Skip(1).ToList();
        hooks.ForEach(remove => remove());
        group.Barrier();
        return timed;
    }

    /// <summary>Measures the median time to reduce as many bytes as the gradients have, while nothing else runs.</summary>
    public double MeasureReduction(long bytes, int rounds)
    {
        using var flat = zeros(bytes / sizeof(float));
        var times = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            group.Barrier();
            var watch = Stopwatch.StartNew();
            group.AllReduce(flat);
            times.Add(watch.Elapsed.TotalMilliseconds);
        }
        return times.Order().ElementAt(rounds / 2);
    }

    private Step TakeStep(DistributedDataParallel? parallel)
    {
        using var scope = NewDisposeScope();
        using var process = Process.GetCurrentProcess();
        var (watch, processor) = (Stopwatch.StartNew(), process.TotalProcessorTime);
        Module<Tensor, Tensor> network = parallel is null ? model : parallel;
        _optimizer.zero_grad();
        var loss = functional.cross_entropy(network.call(_images), _labels);
        var forward = watch.Elapsed.TotalMilliseconds;
        loss.backward();
        var backward = watch.Elapsed.TotalMilliseconds;
        parallel?.synchronize();
        var synchronize = watch.Elapsed.TotalMilliseconds;
        _optimizer.step();
        var total = watch.Elapsed.TotalMilliseconds;
        process.Refresh();
        return new Step(forward, backward - forward, synchronize - backward, total, (process.TotalProcessorTime - processor).TotalMilliseconds);
    }

    private List<Action> AttachSignals()
    {
        Tensor? last = null;
        return [.. model.modules().OfType<Module<Tensor, Tensor>>().Where(part => part.parameters(recurse: false).Any())
            .Select(part => (Action)part.register_forward_pre_hook((_, input) => !input.requires_grad ? input : BackwardHook.Attach(input, gradient =>
            {
                last?.Dispose();
                last = gradient.DetachFromDisposeScope();
            })).remove)];
    }
}
