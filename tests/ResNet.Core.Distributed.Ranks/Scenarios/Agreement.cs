using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Reports everything that must be bit-identical on all ranks, and with and without overlap.</summary>
internal static class Agreement
{
    public static int Run()
    {
        using var group = ProcessGroup.Init();
        Report.Write(group, "local", $"{group.LocalRank}/{group.LocalWorldSize}");
        foreach (var overlap in new[] { true, false })
            Train(group, overlap, overlap ? "" : "-without-overlap");
        return 0;
    }

    private static void Train(ProcessGroup group, bool overlap, string suffix)
    {
        using var scope = NewDisposeScope();
        var seen = new List<string>();
        var network = Training.CreateNetwork(Training.Seed + group.Rank, ScalarType.Float32);
        ShiftBuffers(network, group.Rank);
        // The buffers of a rank whenever the network is called. They must be those of rank 0, as its own batches left them.
        network.register_forward_pre_hook((module, input) =>
        {
            seen.Add(Hash.ComputeForBuffers(module));
            return input;
        });
        var model = new DistributedDataParallel(network, group, bucket_cap_mb: 25, broadcast_buffers: true, overlap);
        Report.Write(group, $"first-weights{suffix}", Hash.ComputeForWeights(network));
        Report.Write(group, $"first-buffers{suffix}", Hash.ComputeForBuffers(network));

        Training.Train(model, group, ScalarType.Float32, steps: 5);
        Report.Write(group, $"buffers{suffix}", string.Join(',', seen));
        Report.Write(group, $"gradients{suffix}", Hash.ComputeForGradients(network));
        Report.Write(group, $"weights{suffix}", Hash.ComputeForWeights(network));
    }

    private static void ShiftBuffers(nn.Module module, int rank)
    {
        using var _ = no_grad();
        foreach (var buffer in module.buffers().Where(buffer => buffer.is_floating_point()))
            buffer.add_(rank);
    }
}
