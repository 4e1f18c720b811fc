using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>All that must have the same bits on every rank, and with overlap and without.</summary>
internal static class Agreement
{
    public static int Run()
    {
        using var group = ProcessGroup.Init();
        Report.Value(group, "local", $"{group.LocalRank}/{group.LocalWorldSize}");
        foreach (var overlap in new[] { true, false })
            Train(group, overlap, overlap ? "" : "-without-overlap");
        return 0;
    }

    private static void Train(ProcessGroup group, bool overlap, string suffix)
    {
        using var scope = NewDisposeScope();
        var seen = new List<string>();
        var network = Training.Network(Training.Seed + group.Rank, ScalarType.Float32);
        Buffers(network, group.Rank);
        // What the ranks' buffers are when the network is called: those of rank 0, as its batches have left them.
        network.register_forward_pre_hook((module, input) =>
        {
            seen.Add(Hash.Buffers(module));
            return input;
        });
        var model = Wrap.Module(network, group, overlap: overlap);
        Report.Value(group, $"first-weights{suffix}", Hash.Weights(network));
        Report.Value(group, $"first-buffers{suffix}", Hash.Buffers(network));

        Training.Train(model, group, ScalarType.Float32, steps: 5);
        Report.Value(group, $"buffers{suffix}", string.Join(',', seen));
        Report.Value(group, $"gradients{suffix}", Hash.Gradients(network));
        Report.Value(group, $"weights{suffix}", Hash.Weights(network));
    }

    private static void Buffers(nn.Module module, int rank)
    {
        using var _ = no_grad();
        foreach (var buffer in module.buffers().Where(buffer => buffer.is_floating_point()))
            buffer.add_(rank);
    }
}
