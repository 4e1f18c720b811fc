using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 has a different model than the others.</summary>
internal static class DifferentModel
{
    private static readonly string[] differences = ["shape", "transposed", "type", "order", "count", "frozen", "buffers"];

    /// <summary>Every rank reports each difference, and the group still works.</summary>
    public static int RunAndCatch()
    {
        using var group = Others.Join();
        foreach (var difference in differences)
            Report.Write(group, difference, GetMessage(group, difference));
        Report.Write(group, "none", GetMessage(group, ""));
        return 0;
    }

    /// <summary>No rank catches the exception.</summary>
    public static int RunUncaught()
    {
        using var group = Others.Join();
        using var model = new DistributedDataParallel(Make(group.Rank == 1 ? "shape" : ""), group);
        return 0;
    }

    private static string GetMessage(ProcessGroup group, string difference)
    {
        try
        {
            using var model = new DistributedDataParallel(Make(group.Rank == 1 ? difference : ""), group);
            return "accepted";
        }
        catch (ArgumentException exception)
        {
            return exception.Message.ReplaceLineEndings(" ");
        }
    }

    private static Sequential Make(string difference)
    {
        List<nn.Module<Tensor, Tensor>> layers = [nn.Linear(4, 4), nn.Linear(4, 4, hasBias: false), nn.BatchNorm1d(4)];
        switch (difference)
        {
            case "shape": layers[1] = nn.Linear(4, 5, hasBias: false); break;
            case "transposed": (layers[0], layers[1]) = (nn.Linear(8, 2), nn.Linear(2, 8, hasBias: false)); break; // the same number of elements
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
