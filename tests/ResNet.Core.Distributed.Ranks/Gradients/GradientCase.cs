using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Gradients;

/// <summary>A module whose averaged gradients are known.</summary>
/// <param name="Name">The name in the report, without spaces.</param>
/// <param name="Make">Makes the module, with weights from the seeded generator.</param>
/// <param name="MakeInput">Makes the input of a rank in a pass. Passes are numbered across all steps.</param>
internal sealed record GradientCase(string Name, Func<nn.Module<Tensor, Tensor>> Make, Func<int, int, Tensor> MakeInput)
{
    /// <summary>The number of forward and backward passes per step. All but the last run within <c>no_sync</c>.</summary>
    public int Passes { get; init; } = 1;

    /// <summary>The bucket size. If null, 25 MB and one parameter per bucket are both tried.</summary>
    public double? BucketMegabytes { get; init; }

    /// <summary>Whether the gradients of a step are added to those of the step before.</summary>
    public bool Accumulates { get; init; }

    /// <summary>Whether gradients are zeros, not null, before a step.</summary>
    public bool KeepsZeros { get; init; }

    /// <summary>The number of forward passes per backward pass. Each takes a part of the input.</summary>
    public int Forwards { get; init; } = 1;

    /// <summary>The number of backward passes per forward pass.</summary>
    public int Backwards { get; init; } = 1;

    /// <summary>Whether the loss includes the input's gradient, as in a gradient penalty.</summary>
    public bool PenalizesGradient { get; init; }

    /// <summary>Whether all forward passes run within <c>no_sync</c>, so that the gradients are reduced at the end.</summary>
    public bool SynchronizesAtEnd { get; init; }

    /// <summary>Whether an exception on every rank is as good as the mean.</summary>
    public bool MayBeRefused { get; init; }
}
