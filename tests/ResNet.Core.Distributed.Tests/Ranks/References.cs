using System.Collections.Concurrent;

namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>What trainings are compared with: written once, for both launchers, when the first test asks.</summary>
public sealed class References : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Lazy<string> _written;
    private readonly ConcurrentDictionary<(MpiKind, int), Lazy<RankResult>> _runs = [];

    public References() => _written = new(Write);

    /// <summary>All comparisons by a number of ranks, made once.</summary>
    internal RankResult Compare(MpiKind mpi, int ranks) =>
        _runs.GetOrAdd((mpi, ranks), _ => new(() => RankProgram.Run(mpi, ranks, "parity", _written.Value))).Value;

    public void Dispose() => _folder.Dispose();

    /// <returns>The folder, in which the files have the names of the ranks' own References.</returns>
    private string Write()
    {
        System.Threading.Tasks.Parallel.Invoke(
            () => RankProgram.RunAlone("emulate", _folder.Path),
            () =>
            {
                if (!PyTorch.IsThere) return;
                PyTorch.Run("ddp_gloo.py", "2", _folder["gloo-2.pth"]);
                PyTorch.Run("ddp_gloo.py", "4", _folder["gloo-4.pth"]);
            });
        return _folder.Path;
    }
}
