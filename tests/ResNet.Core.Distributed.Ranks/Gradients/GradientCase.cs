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

    public double BucketMegabytes { get; init; } = 25;

    /// <summary>Whether the gradients of a step add to those of the one before.</summary>
    public bool Accumulates { get; init; }

    /// <summary>Whether the module may be refused instead, by an exception on every rank.</summary>
    public bool MayBeRefused { get; init; }
}
