using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Gradients;

/// <summary>What modules do with their parameters.</summary>
internal static class GradientCases
{
    private const ScalarType Type = ScalarType.Float64;

    public static IEnumerable<GradientCase> All =>
    [
        new("plain", Layers, Numbers),
        new("three-uses", ThreeUses, Numbers),
        new("tied", Tied, Numbers),
        new("functional", Functional, Numbers),
        new("unused-on-one-rank", SometimesUnused, SignedByRank),
        new("unused-on-all", NeverUsed, Numbers),
        new("no-sync", Layers, Numbers) { Passes = 5 },
        new("no-sync-unused", SometimesUnused, SignedByRank) { Passes = 4 },
        new("accumulated", Layers, Numbers) { Accumulates = true },
        new("mixed-types", MixedTypes, Numbers),
        new("frozen", Frozen, Numbers),
        new("own-parameter", OwnParameter, Numbers),
        new("transposed", Transposed, Numbers),
        new("channels-last", ChannelsLast, Pixels),
        new("in-place", InPlace, Numbers),
        new("batch-norm", BatchNorm, Numbers),
        new("buckets-of-1-KB", Layers, Numbers) { BucketMegabytes = 1.0 / 1024 },
        new("buckets-of-25-MB", LargeLayers, WideNumbers) { BucketMegabytes = 25 },
        new("buckets-of-1-MB", LargeLayers, WideNumbers) { BucketMegabytes = 1 },
        new("uses-differ", UsesDiffer, SignedByRank),
        new("discarded", Discarded, Numbers),
        new("partly-without-gradient", PartlyWithoutGradient, Numbers),
        new("embedding", Embedding, Indices),
        new("recurrent", Recurrent, Sequences),
        new("bfloat16", BFloat16, Numbers),
        new("input-with-gradient", Layers, NumbersWithGradient),
        new("zeroed", SometimesUnused, SignedByRank) { KeepsZeros = true },
        new("two-forward-passes", Layers, Numbers) { Forwards = 2 },
        new("two-forward-passes-with-batch-norm", BatchNorm, Numbers) { Forwards = 2 },
        new("gradient-penalty", Layers, NumbersWithGradient) { PenalizesGradient = true },
        new("gradient-penalty-in-no-sync", Layers, NumbersWithGradient) { PenalizesGradient = true, SynchronizesAtEnd = true, KeepsZeros = true },
        new("gradient-penalty-zeroed", Layers, NumbersWithGradient) { PenalizesGradient = true, KeepsZeros = true, MayBeRefused = true },
        new("functional-before", FunctionalBefore, Numbers) { MayBeRefused = true },
        new("two-backward-passes", Layers, Numbers) { Backwards = 2, MayBeRefused = true },
        new("forward-and-call", ForwardAndCall, Numbers) { MayBeRefused = true },
        new("forward-alone", ForwardAlone, Numbers) { MayBeRefused = true },
    ];

    private static Tensor Numbers(int rank, int pass) => Random(rank, pass, 6, 8);

    private static Tensor NumbersWithGradient(int rank, int pass) => Numbers(rank, pass).requires_grad_();

    private static Tensor WideNumbers(int rank, int pass) => Random(rank, pass, 2, 1024);

    private static Tensor Pixels(int rank, int pass) => Random(rank, pass, 2, 3, 9, 9);

    /// <summary>The first number is positive on one rank alone, another one in each pass.</summary>
    private static Tensor SignedByRank(int rank, int pass)
    {
        var input = Numbers(rank, pass);
        input[0, 0] = rank == pass % 2 ? 1 : -1;
        return input;
    }

    private static Tensor Random(int rank, int pass, params long[] shape)
    {
        using var generator = new Generator((ulong)(1000 + 100 * rank + pass));
        return randn(shape, Type, generator: generator);
    }

    private static Linear Linear(long inputs, long outputs, ScalarType type = Type) => nn.Linear(inputs, outputs, dtype: type);

    private static Sequential Layers() =>
        nn.Sequential(Linear(8, 32), nn.Tanh(), Linear(32, 32), nn.Tanh(), Linear(32, 32), nn.ReLU(), Linear(32, 4));

    /// <summary>32 MB of parameters.</summary>
    private static Sequential LargeLayers() =>
        nn.Sequential(Linear(1024, 1024), nn.Tanh(), Linear(1024, 1024), nn.Tanh(), Linear(1024, 1024), nn.Tanh(), Linear(1024, 1024));

    private static Forward ThreeUses()
    {
        var (before, shared) = (Linear(8, 16), Linear(16, 16));
        return new Forward(x =>
        {
            x = before.call(x);
            for (var use = 0; use < 3; use++)
                x = shared.call(x).tanh();
            return x;
        }, ("before", before), ("shared", shared));
    }

    private static Forward Tied()
    {
        var (encoder, between, decoder) = (Linear(8, 8), Linear(8, 8), Linear(8, 8));
        decoder.weight = encoder.weight;
        return new Forward(x => decoder.call(between.call(encoder.call(x).tanh()).tanh()), ("encoder", encoder), ("between", between), ("decoder", decoder));
    }

    /// <summary>A weight that is used where its module is not called.</summary>
    private static Forward Functional()
    {
        var (encoder, between) = (Linear(8, 16), Linear(16, 16));
        return new Forward(x => nn.functional.linear(between.call(encoder.call(x).tanh()), encoder.weight.t()), ("encoder", encoder), ("between", between));
    }

    /// <summary>The same, where the backward pass comes by the module first.</summary>
    private static Forward FunctionalBefore()
    {
        var (encoder, between) = (Linear(8, 8), Linear(8, 8));
        return new Forward(x => encoder.call(between.call(nn.functional.linear(x, encoder.weight)).tanh()), ("encoder", encoder), ("between", between));
    }

    private static Forward SometimesUnused()
    {
        var (first, sometimes, last) = (Linear(8, 8), Linear(8, 8), Linear(8, 4));
        return new Forward(x =>
        {
            var positive = x[0, 0].item<double>() > 0;
            x = first.call(x).tanh();
            return last.call(positive ? sometimes.call(x).tanh() : x);
        }, ("first", first), ("sometimes", sometimes), ("last", last));
    }

    private static Forward NeverUsed()
    {
        var (first, never, last) = (Linear(8, 8), Linear(8, 8), Linear(8, 4));
        return new Forward(x => last.call(first.call(x).tanh()), ("first", first), ("never", never), ("last", last));
    }

    /// <summary>A module that is used more often on one rank than on the others.</summary>
    private static Forward UsesDiffer()
    {
        var (shared, last) = (Linear(8, 8), Linear(8, 4));
        return new Forward(x =>
        {
            var uses = x[0, 0].item<double>() > 0 ? 3 : 1;
            for (var use = 0; use < uses; use++)
                x = shared.call(x).tanh();
            return last.call(x);
        }, ("shared", shared), ("last", last));
    }

    /// <summary>A use from which no gradient comes back.</summary>
    private static Forward Discarded()
    {
        var (first, shared, last) = (Linear(8, 8), Linear(8, 8), Linear(8, 4));
        return new Forward(x =>
        {
            x = first.call(x).tanh();
            shared.call(x);
            return last.call(shared.call(x).tanh());
        }, ("first", first), ("shared", shared), ("last", last));
    }

    private static Forward PartlyWithoutGradient()
    {
        var (first, shared, last) = (Linear(8, 8), Linear(8, 8), Linear(8, 4));
        return new Forward(x =>
        {
            x = first.call(x).tanh();
            Tensor target;
            using (no_grad())
                target = shared.call(x);
            return last.call(shared.call(x).mul(target));
        }, ("first", first), ("shared", shared), ("last", last));
    }

    /// <summary>A module whose input has no gradient, being whole numbers.</summary>
    private static Sequential Embedding() => nn.Sequential(nn.Embedding(10, 8, dtype: Type), Linear(8, 4));

    private static Tensor Indices(int rank, int pass) => Numbers(rank, pass).abs().mul(4).clamp(0, 9).to(ScalarType.Int64);

    /// <summary>A module of several results.</summary>
    private static Forward Recurrent()
    {
        var (first, memory, last) = (Linear(8, 8), nn.LSTM(8, 6, numLayers: 2, dtype: Type), Linear(6, 4));
        return new Forward(x => last.call(memory.call(first.call(x).tanh()).Item1), ("first", first), ("memory", memory), ("last", last));
    }

    private static Tensor Sequences(int rank, int pass) => Random(rank, pass, 3, 2, 8);

    private static Forward BFloat16()
    {
        var (first, narrow) = (Linear(8, 8), Linear(8, 4, ScalarType.BFloat16));
        return new Forward(x => narrow.call(first.call(x).tanh().to(ScalarType.BFloat16)).to(Type), ("first", first), ("narrow", narrow));
    }

    private static Forward MixedTypes()
    {
        var (wide, narrow, last) = (Linear(8, 8), Linear(8, 8, ScalarType.Float32), Linear(8, 4));
        return new Forward(x => last.call(narrow.call(wide.call(x).tanh().to(ScalarType.Float32)).to(Type).tanh()), ("wide", wide), ("narrow", narrow), ("last", last));
    }

    private static Forward Frozen()
    {
        var (first, frozen, last) = (Linear(8, 8), Linear(8, 8), Linear(8, 4));
        frozen.weight.requires_grad = false;
        return new Forward(x => last.call(frozen.call(first.call(x).tanh()).tanh()), ("first", first), ("frozen", frozen), ("last", last));
    }

    /// <summary>Parameters of a module that has children, and one of no dimension.</summary>
    private static Forward OwnParameter()
    {
        var (scale, last) = (nn.Parameter(tensor(1.5, Type)), Linear(8, 4));
        return new Forward(x => last.call(x.mul(scale)).mul(scale), scale, ("last", last));
    }

    /// <summary>A gradient that is not contiguous.</summary>
    private static Forward Transposed()
    {
        var (weight, last) = (nn.Parameter(randn([8, 5], Type)), Linear(8, 5));
        return new Forward(x => nn.functional.linear(last.call(x), weight), weight, ("last", last));
    }

    private static Sequential ChannelsLast() =>
        nn.Sequential(nn.Conv2d(3, 6, kernel_size: 3, dtype: Type), nn.ReLU(), nn.Conv2d(6, 5, kernel_size: 3, dtype: Type)).ToMemoryFormat(memory_format.channels_last);

    /// <summary>What a module has got is changed after it.</summary>
    private static Forward InPlace()
    {
        var (first, norm, last) = (Linear(8, 8), nn.LayerNorm(8, dtype: Type), Linear(8, 4));
        return new Forward(x =>
        {
            x = first.call(x);
            return last.call(norm.call(x.add_(1)).add_(x).relu_());
        }, ("first", first), ("norm", norm), ("last", last));
    }

    private static Sequential BatchNorm() =>
        nn.Sequential(Linear(8, 8), nn.BatchNorm1d(8, dtype: Type), nn.ReLU(inplace: true), Linear(8, 8), nn.BatchNorm1d(8, dtype: Type), nn.ReLU(inplace: true));

    private static Forward ForwardAndCall()
    {
        var (shared, last) = (Linear(8, 8), Linear(8, 4));
        return new Forward(x => last.call(shared.call(shared.forward(x).tanh()).tanh()), ("shared", shared), ("last", last));
    }

    private static Forward ForwardAlone()
    {
        var (first, last) = (Linear(8, 8), Linear(8, 4));
        return new Forward(x => last.forward(first.forward(x).tanh()), ("first", first), ("last", last));
    }
}
