using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 has another model than the others.</summary>
internal static class DifferentModel
{
    public static int Run(string difference)
    {
        using var group = Others.Join();
        var model = new DistributedDataParallel(Make(group.Rank == 1 ? difference : ""), group);
        Report.Value(group, "accepted", Hash.Weights(model));
        return 0;
    }

    private static Sequential Make(string difference)
    {
        List<nn.Module<Tensor, Tensor>> layers = [nn.Linear(4, 4), nn.Linear(4, 4, hasBias: false), nn.BatchNorm1d(4)];
        switch (difference)
        {
            case "shape": layers[1] = nn.Linear(4, 5, hasBias: false); break;
            case "transposed": (layers[0], layers[1]) = (nn.Linear(8, 2), nn.Linear(2, 8, hasBias: false)); break; // as many numbers
            case "type": layers[1] = nn.Linear(4, 4, hasBias: false, dtype: ScalarType.Float64); break;
            case "order": layers.Reverse(0, 2); break;
            case "count": layers.Add(nn.Linear(4, 4)); break;
            case "frozen": layers[0].parameters().First().requires_grad = false; break;
            case "buffers": layers[2] = nn.BatchNorm1d(4, track_running_stats: false); break;
            case "": break;
            default: throw new ArgumentException($"Expected a difference, got '{difference}'.", nameof(difference));
        }
        return nn.Sequential(layers);
    }
}
