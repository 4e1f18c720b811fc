namespace ResNet.Core.Distributed;

/// <summary>The reduction of an element over the ranks, as in PyTorch's <c>torch.distributed.ReduceOp</c>.</summary>
public enum ReduceOp
{
    /// <summary>The sum.</summary>
    Sum,

    /// <summary>The product.</summary>
    Product,

    /// <summary>The minimum.</summary>
    Min,

    /// <summary>The maximum.</summary>
    Max,
}
