namespace ResNet.Core.Distributed;

/// <summary>How the ranks' values of an element become one, as PyTorch's <c>torch.distributed.ReduceOp</c>.</summary>
public enum ReduceOp
{
    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>Their product.</summary>
    Product,

    /// <summary>The least of them.</summary>
    Min,

    /// <summary>The largest of them.</summary>
    Max,
}
