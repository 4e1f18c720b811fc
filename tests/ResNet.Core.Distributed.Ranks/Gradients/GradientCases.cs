using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Gradients;

/// <summary>Modules that use their parameters in every way that matters to their gradients.</summary>
internal static class GradientCases
{
    private const ScalarType Type = ScalarType.Float64;

    public static IEnumerable<GradientCase> All =>
    [
        new("plain", MakeLayers, DrawNumbers),
        new("three-uses", MakeThreeUses, DrawNumbers),
        new("tied", MakeTied, DrawNumbers),
        new("functional", MakeFunctional, DrawNumbers),
        new("unused-on-one-rank", MakeSometimesUnused, DrawSignedByRank),
        new("unused-on-all", MakeNeverUsed, DrawNumbers),
        new("no-sync", MakeLayers, DrawNumbers) { Passes = 5 },
        new("no-sync-unused", MakeSometimesUnused, DrawSignedByRank) { Passes = 4 },
        new("accumulated", MakeLayers, DrawNumbers) { Accumulates = true },
        new("mixed-types", MakeMixedTypes, DrawNumbers),
        new("frozen", MakeFrozen, DrawNumbers),
        new("own-parameter", MakeOwnParameter, DrawNumbers),
        new("transposed", MakeTransposed, DrawNumbers),
        new("channels-last", MakeChannelsLast, DrawImages),
        new("in-place", MakeInPlace, DrawNumbers),
        new("batch-norm", MakeBatchNorm, DrawNumbers),
        new("buckets-of-1-KB", MakeLayers, DrawNumbers) { BucketMegabytes = 1.0 / 1024 },
        new("buckets-of-25-MB", MakeLargeLayers, DrawWideNumbers) { BucketMegabytes = 25 },
        new("buckets-of-1-MB", MakeLargeLayers, DrawWideNumbers) { BucketMegabytes = 1 },
        new("uses-differ", MakeUsesDiffer, DrawSignedByRank),
        new("discarded", MakeDiscarded, DrawNumbers),
        new("partly-without-gradient", MakePartlyWithoutGradient, DrawNumbers),
        new("embedding", MakeEmbedding, DrawIndices),
        new("recurrent", MakeRecurrent, DrawSequences),
        new("bfloat16", MakeBFloat16, DrawNumbers),
        new("input-with-gradient", MakeLayers, DrawNumbersWithGradient),
        new("zeroed", MakeSometimesUnused, DrawSignedByRank) { KeepsZeros = true },
        new("two-forward-passes", MakeLayers, DrawNumbers) { Forwards = 2 },
        new("two-forward-passes-with-batch-norm", MakeBatchNorm, DrawNumbers) { Forwards = 2 },
        new("gradient-penalty", MakeLayers, DrawNumbersWithGradient) { PenalizesGradient = true },
        new("gradient-penalty-in-no-sync", MakeLayers, DrawNumbersWithGradient) { PenalizesGradient = true, SynchronizesAtEnd = true, KeepsZeros = true },
        new("gradient-penalty-zeroed", MakeLayers, DrawNumbersWithGradient) { PenalizesGradient = true, KeepsZeros = true, MayBeRefused = true },
        new("functional-before", MakeFunctionalBefore, DrawNumbers) { MayBeRefused = true },
        new("two-backward-passes", MakeLayers, DrawNumbers) { Backwards = 2, MayBeRefused = true },
        new("forward-and-call", MakeForwardAndCall, DrawNumbers) { MayBeRefused = true },
        new("forward-alone", MakeForwardAlone, DrawNumbers) { MayBeRefused = true },
    ];

    private static Tensor DrawNumbers(int rank, int pass) => Draw(rank, pass, 6, 8);

    private static Tensor DrawNumbersWithGradient(int rank, int pass) => DrawNumbers(rank, pass).requires_grad_();

    private static Tensor DrawWideNumbers(int rank, int pass) => Draw(rank, pass, 2, 1024);

    private static Tensor DrawImages(int rank, int pass) => Draw(rank, pass, 2, 3, 9, 9);

    /// <summary>Draws an input whose first number is positive on one rank only, and on another rank in the next pass.</summary>
    private static Tensor DrawSignedByRank(int rank, int pass)
    {
        var input = DrawNumbers(rank, pass);
        input[0, 0] = rank == pass % 2 ? 1 : -1;
        return input;
    }

    private static Tensor Draw(int rank, int pass, params long[] shape)
    {
        using var generator = new Generator((ulong)(1000 + 100 * rank + pass));
        return randn(shape, Type, generator: generator);
    }

    private static Linear MakeLinear(long inputs, long outputs, ScalarType type = Type) => nn.Linear(inputs, outputs, dtype: type);

    private static Sequential MakeLayers() =>
        nn.Sequential(MakeLinear(8, 32), nn.Tanh(), MakeLinear(32, 32), nn.Tanh(), MakeLinear(32, 32), nn.ReLU(), MakeLinear(32, 4));

    /// <summary>Makes a module with 32 MB of parameters.</summary>
    private static Sequential MakeLargeLayers() =>
        nn.Sequential(MakeLinear(1024, 1024), nn.Tanh(), MakeLinear(1024, 1024), nn.Tanh(), MakeLinear(1024, 1024), nn.Tanh(), MakeLinear(1024, 1024));

    private static Forward MakeThreeUses()
    {
        var (before, shared) = (MakeLinear(8, 16), MakeLinear(16, 16));
        return new Forward(x =>
        {
            x = before.call(x);
            for (var use = 0; use < 3; use++)
                x = shared.call(x).tanh();
            return x;
        }, ("before", before), ("shared", shared));
    }

    private static Forward MakeTied()
    {
        var (encoder, between, decoder) = (MakeLinear(8, 8), MakeLinear(8, 8), MakeLinear(8, 8));
        decoder.weight = encoder.weight;
        return new Forward(x => decoder.call(between.call(encoder.call(x).tanh()).tanh()), ("encoder", encoder), ("between", between), ("decoder", decoder));
    }

    /// <summary>A weight is also used without calling its module.</summary>
    private static Forward MakeFunctional()
    {
        var (encoder, between) = (MakeLinear(8, 16), MakeLinear(16, 16));
        return new Forward(x => nn.functional.linear(between.call(encoder.call(x).tanh()), encoder.weight.t()), ("encoder", encoder), ("between", between));
    }

    /// <summary>The same, but the backward pass reaches the module first.</summary>
    private static Forward MakeFunctionalBefore()
    {
        var (encoder, between) = (MakeLinear(8, 8), MakeLinear(8, 8));
        return new Forward(x => encoder.call(between.call(nn.functional.linear(x, encoder.weight)).tanh()), ("encoder", encoder), ("between", between));
    }

    private static Forward MakeSometimesUnused()
    {
        var (first, sometimes, last) = (MakeLinear(8, 8), MakeLinear(8, 8), MakeLinear(8, 4));
        return new Forward(x =>
        {
            var positive = x[0, 0].item<double>() > 0;
            x = first.call(x).tanh();
            return last.call(positive ? sometimes.call(x).tanh() : x);
        }, ("first", first), ("sometimes", sometimes), ("last", last));
    }

    private static Forward MakeNeverUsed()
    {
        var (first, never, last) = (MakeLinear(8, 8), MakeLinear(8, 8), MakeLinear(8, 4));
        return new Forward(x => last.call(first.call(x).tanh()), ("first", first), ("never", never), ("last", last));
    }

    /// <summary>One rank uses a module more often than the others.</summary>
    private static Forward MakeUsesDiffer()
    {
        var (shared, last) = (MakeLinear(8, 8), MakeLinear(8, 4));
        return new Forward(x =>
        {
            var uses = x[0, 0].item<double>() > 0 ? 3 : 1;
            for (var use = 0; use < uses; use++)
                x = shared.call(x).tanh();
            return last.call(x);
        }, ("shared", shared), ("last", last));
    }

    /// <summary>One use gets no gradient, since its output is discarded.</summary>
    private static Forward MakeDiscarded()
    {
        var (first, shared, last) = (MakeLinear(8, 8), MakeLinear(8, 8), MakeLinear(8, 4));
        return new Forward(x =>
        {
            x = first.call(x).tanh();
            shared.call(x);
            return last.call(shared.call(x).tanh());
        }, ("first", first), ("shared", shared), ("last", last));
    }

    private static Forward MakePartlyWithoutGradient()
    {
        var (first, shared, last) = (MakeLinear(8, 8), MakeLinear(8, 8), MakeLinear(8, 4));
        return new Forward(x =>
        {
            x = first.call(x).tanh();
            Tensor target;
            using (no_grad())
                target = shared.call(x);
            return last.call(shared.call(x).mul(target));
        }, ("first", first), ("shared", shared), ("last", last));
    }

    /// <summary>The input of the first module consists of integers, so it has no gradient.</summary>
    private static Sequential MakeEmbedding() => nn.Sequential(nn.Embedding(10, 8, dtype: Type), MakeLinear(8, 4));

    private static Tensor DrawIndices(int rank, int pass) => DrawNumbers(rank, pass).abs().mul(4).clamp(0, 9).to(ScalarType.Int64);

    /// <summary>One part returns several tensors, so it is not a Module&lt;Tensor, Tensor&gt;.</summary>
    private static Forward MakeRecurrent()
    {
        var (first, memory, last) = (MakeLinear(8, 8), nn.LSTM(8, 6, numLayers: 2, dtype: Type), MakeLinear(6, 4));
        return new Forward(x => last.call(memory.call(first.call(x).tanh()).Item1), ("first", first), ("memory", memory), ("last", last));
    }

    private static Tensor DrawSequences(int rank, int pass) => Draw(rank, pass, 3, 2, 8);

    private static Forward MakeBFloat16()
    {
        var (first, narrow) = (MakeLinear(8, 8), MakeLinear(8, 4, ScalarType.BFloat16));
        return new Forward(x => narrow.call(first.call(x).tanh().to(ScalarType.BFloat16)).to(Type), ("first", first), ("narrow", narrow));
    }

    private static Forward MakeMixedTypes()
    {
        var (wide, narrow, last) = (MakeLinear(8, 8), MakeLinear(8, 8, ScalarType.Float32), MakeLinear(8, 4));
        return new Forward(x => last.call(narrow.call(wide.call(x).tanh().to(ScalarType.Float32)).to(Type).tanh()), ("wide", wide), ("narrow", narrow), ("last", last));
    }

    private static Forward MakeFrozen()
    {
        var (first, frozen, last) = (MakeLinear(8, 8), MakeLinear(8, 8), MakeLinear(8, 4));
        frozen.weight.requires_grad = false;
        return new Forward(x => last.call(frozen.call(first.call(x).tanh()).tanh()), ("first", first), ("frozen", frozen), ("last", last));
    }

    /// <summary>The parameter belongs to a module with children, and has no dimensions.</summary>
    private static Forward MakeOwnParameter()
    {
        var (scale, last) = (nn.Parameter(tensor(1.5, Type)), MakeLinear(8, 4));
        return new Forward(x => last.call(x.mul(scale)).mul(scale), scale, ("last", last));
    }

    /// <summary>The gradient is not contiguous.</summary>
    private static Forward MakeTransposed()
    {
        var (weight, last) = (nn.Parameter(randn([8, 5], Type)), MakeLinear(8, 5));
        return new Forward(x => nn.functional.linear(last.call(x), weight), weight, ("last", last));
    }

    private static Sequential MakeChannelsLast() =>
        nn.Sequential(nn.Conv2d(3, 6, kernel_size: 3, dtype: Type), nn.ReLU(), nn.Conv2d(6, 5, kernel_size: 3, dtype: Type)).ToMemoryFormat(memory_format.channels_last);

    /// <summary>The input and output of a module are changed in place afterwards.</summary>
    private static Forward MakeInPlace()
    {
        var (first, norm, last) = (MakeLinear(8, 8), nn.LayerNorm(8, dtype: Type), MakeLinear(8, 4));
        return new Forward(x =>
        {
            x = first.call(x);
            return last.call(norm.call(x.add_(1)).add_(x).relu_());
        }, ("first", first), ("norm", norm), ("last", last));
    }

    private static Sequential MakeBatchNorm() =>
        nn.Sequential(MakeLinear(8, 8), nn.BatchNorm1d(8, dtype: Type), nn.ReLU(inplace: true), MakeLinear(8, 8), nn.BatchNorm1d(8, dtype: Type), nn.ReLU(inplace: true));

    private static Forward MakeForwardAndCall()
    {
        var (shared, last) = (MakeLinear(8, 8), MakeLinear(8, 4));
        return new Forward(x => last.call(shared.call(shared.forward(x).tanh()).tanh()), ("shared", shared), ("last", last));
    }

    private static Forward MakeForwardAlone()
    {
        var (first, last) = (MakeLinear(8, 8), MakeLinear(8, 4));
        return new Forward(x => last.forward(first.forward(x).tanh()), ("first", first), ("last", last));
    }
}
