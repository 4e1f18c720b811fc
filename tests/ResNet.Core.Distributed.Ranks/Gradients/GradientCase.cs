using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Gradients;

/// <summary>A module whose averaged gradients are known.</summary>
/// <param name="Name">One word for the report.</param>
/// <param name="Make">The module, its weights from the generator's seed.</param>
/// <param name="Input">What a rank gives it in a pass; passes are counted through all steps.</param>
internal sealed record GradientCase(string Name, Func<nn.Module<Tensor, Tensor>> Make, Func<int, int, Tensor> Input)
{
    /// <summary>How many backward passes make a step; all but the last are in <c>no_sync</c>.</summary>
    public int Passes { get; init; } = 1;

    /// <summary>The size of the buckets; where it does not matter, 25 MB and a parameter a bucket are both tried.</summary>
    public double? BucketMegabytes { get; init; }

    /// <summary>Whether the gradients of a step add to those of the one before.</summary>
    public bool Accumulates { get; init; }

    /// <summary>Whether gradients begin as zeros and not as null.</summary>
    public bool KeepsZeros { get; init; }

    /// <summary>How many forward passes, each of a part of the input, a backward pass belongs to.</summary>
    public int Forwards { get; init; } = 1;

    /// <summary>How many backward passes there are through one forward pass.</summary>
    public int Backwards { get; init; } = 1;

    /// <summary>Whether the input's gradient is a part of the loss, as in a gradient penalty.</summary>
    public bool PenalizesGradient { get; init; }

    /// <summary>Whether the forward passes are all in <c>no_sync</c>, and the gradients travel at the end.</summary>
    public bool SynchronizesAtEnd { get; init; }

    /// <summary>Whether the module may be refused instead, by an exception on every rank.</summary>
    public bool MayBeRefused { get; init; }
}
