using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Compares a training of ten steps with the same training done in other ways.</summary>
internal static class Parity
{
    public static int Run(string folder)
    {
        using var group = ProcessGroup.Init();
        Compare(group, folder, ScalarType.Float64);
        if (group.WorldSize == 2)
            Compare(group, folder, ScalarType.Float32);
        CompareWithWholeBatch(group);
        return 0;
    }

    private static void Compare(ProcessGroup group, string folder, ScalarType type)
    {
        using var scope = NewDisposeScope();
        // Each rank starts with other weights, which those of rank 0 replace.
        var network = Training.CreateNetwork(Training.Seed + group.Rank, type);
        var model = new DistributedDataParallel(network, group);
        Training.Train(model, group, type);
        if (group.Rank != 0) return; // the other ranks end with their own buffers

        IReadOnlyList<Tensor> trained = [.. network.state_dict().Values];
        var emulated = References.Read(Path.Combine(folder, References.GetEmulationName(group.WorldSize, type)), type);
        Report.Write(group, $"emulation-{type}", Difference.ComputeLargest(trained, emulated));
        Report.Write(group, $"emulation-{type}-differing", Difference.Count(trained, emulated));
        Report.Write(group, $"learned-{type}", Difference.ComputeRelative(network.conv1.weight, Training.CreateNetwork(Training.Seed, type).conv1.weight));

        var gloo = Path.Combine(folder, References.GetGlooName(group.WorldSize));
        if (type == ScalarType.Float64 && File.Exists(gloo))
            Report.Write(group, "gloo", Difference.ComputeLargest(trained, References.Read(gloo, type)));
    }

    private static void CompareWithWholeBatch(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        var model = new DistributedDataParallel(Training.CreateNetworkWithoutBatchNorm(Training.Seed + group.Rank), group);
        Training.Train(model, group, ScalarType.Float64);
        var alone = Training.CreateNetworkWithoutBatchNorm(Training.Seed);
        Training.TrainAlone(alone, ScalarType.Float64);
        Report.Write(group, "whole-batch", Difference.ComputeLargest(model.parameters(), alone.parameters()));
    }
}
