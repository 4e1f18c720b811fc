using static TorchSharp.torch;

namespace ResNet.Core.Distributed;

/// <summary>The processes that train together.</summary>
public sealed class ProcessGroup : IDisposable
{
    private ProcessGroup() { }

    /// <summary>Joins.</summary>
    /// <param name="timeout">Of every call.</param>
    public static ProcessGroup Init(TimeSpan? timeout = null) => new();

    /// <summary>This process's number, from 0.</summary>
    public int Rank { get; }

    /// <summary>How many processes there are.</summary>
    public int WorldSize { get; } = 1;

    /// <summary>This process's number among those of its machine, from 0.</summary>
    public int LocalRank { get; }

    /// <summary>How many processes this machine has.</summary>
    public int LocalWorldSize { get; } = 1;

    /// <summary>Reduces.</summary>
    public void AllReduce(Tensor tensor, ReduceOp op = ReduceOp.Sum) { }

    /// <summary>Broadcasts.</summary>
    public void Broadcast(Tensor tensor, int src = 0) { }

    /// <summary>Waits for all.</summary>
    public void Barrier() { }

    /// <summary>Ends every rank.</summary>
    public void Abort(int exitCode = 1) => Environment.Exit(exitCode);

    /// <inheritdoc/>
    public void Dispose() { }
}
