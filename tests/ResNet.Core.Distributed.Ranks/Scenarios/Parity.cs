using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>The same training by other means, compared after ten steps.</summary>
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
        // Each rank has weights of its own, which those of rank 0 replace.
        var network = Training.Network(Training.Seed + group.Rank, type);
        var model = new DistributedDataParallel(network, group);
        Training.Train(model, group, type);
        if (group.Rank != 0) return; // whose buffers are its own

        IReadOnlyList<Tensor> trained = [.. network.state_dict().Values];
        var emulated = References.Read(Path.Combine(folder, References.Emulation(group.WorldSize, type)), type);
        Report.Value(group, $"emulation-{type}", Difference.Largest(trained, emulated));
        Report.Value(group, $"emulation-{type}-differing", Difference.Count(trained, emulated));
        Report.Value(group, $"learned-{type}", Difference.Relative(network.conv1.weight, Training.Network(Training.Seed, type).conv1.weight));

        var gloo = Path.Combine(folder, References.Gloo(group.WorldSize));
        if (type == ScalarType.Float64 && File.Exists(gloo))
            Report.Value(group, "gloo", Difference.Largest(trained, References.Read(gloo, type)));
    }

    private static void CompareWithWholeBatch(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        var model = new DistributedDataParallel(Training.WithoutBatchNorm(Training.Seed + group.Rank), group);
        Training.Train(model, group, ScalarType.Float64);
        var alone = Training.WithoutBatchNorm(Training.Seed);
        Training.TrainAlone(alone, ScalarType.Float64);
        Report.Value(group, "whole-batch", Difference.Largest(model.parameters(), alone.parameters()));
    }
}
