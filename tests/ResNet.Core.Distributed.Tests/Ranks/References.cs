using System.Collections.Concurrent;

namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>The reference trainings, which are computed once for both launchers, when the first test needs them.</summary>
public sealed class References : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Lazy<string> _written;
    private readonly ConcurrentDictionary<(MpiKind, int), Lazy<RankResult>> _runs = [];

    public References() => _written = new(Write);

    /// <summary>Runs all comparisons, once per MPI and number of ranks.</summary>
    internal RankResult Compare(MpiKind mpi, int ranks) =>
        _runs.GetOrAdd((mpi, ranks), _ => new(() => RankProgram.Run(mpi, ranks, "parity", _written.Value))).Value;

    public void Dispose() => _folder.Dispose();

    /// <returns>The folder. Its files have the names that References in ResNet.Core.Distributed.Ranks expects.</returns>
    private string Write()
    {
        System.Threading.Tasks.Parallel.Invoke(
            () => RankProgram.RunAlone("emulate", _folder.Path),
            () =>
            {
                if (!PyTorch.IsAvailable) return;
                PyTorch.Run("ddp_gloo.py", "2", _folder["gloo-2.pth"]);
                PyTorch.Run("ddp_gloo.py", "4", _folder["gloo-4.pth"]);
            });
        return _folder.Path;
    }
}
