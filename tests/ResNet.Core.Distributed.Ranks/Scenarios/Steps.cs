using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>What a loop does between the backward pass and the optimizer's step: clip gradients and unscale them.</summary>
internal static class Steps
{
    public static int Run()
    {
        using var group = ProcessGroup.Init();
        ClipGradients(group);
        ScaleLoss(group);
        return 0;
    }

    /// <summary>Clips by the norm of the averaged gradients.</summary>
    private static void ClipGradients(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        var network = Training.CreateNetworkWithoutBatchNorm(Training.Seed + group.Rank);
        var model = new DistributedDataParallel(network, group);
        var count = Training.Batch / group.WorldSize;
        Training.RunBackward(model, 0, group.Rank * count, count, ScalarType.Float64);
        model.synchronize();

        var alone = Training.CreateNetworkWithoutBatchNorm(Training.Seed);
        Training.RunBackward(alone, 0, 0, Training.Batch, ScalarType.Float64);
        var (norm, expected) = (nn.utils.clip_grad_norm_(model.parameters(), 0.01), nn.utils.clip_grad_norm_(alone.parameters(), 0.01));
        Report.Write(group, "norm", Math.Abs(norm - expected) / expected);
        Report.Write(group, "clipped", Difference.ComputeLargest(GetGradients(model), GetGradients(alone)));
        Report.Write(group, "clipped-bits", Hash.ComputeForGradients(model));
    }

    /// <summary>In the second step one rank has an infinite loss, and all ranks skip the step.</summary>
    private static void ScaleLoss(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        var network = Training.CreateNetwork(Training.Seed + group.Rank, ScalarType.Float32);
        var model = new DistributedDataParallel(network, group);
        using var optimizer = Training.CreateOptimizer(model);
        var scaler = new GradScaler(init_scale: 1024);
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            var images = Images.CreateBatch(step, Training.Batch, 2 * group.Rank, 2, ScalarType.Float32);
            var loss = nn.functional.cross_entropy(model.call(images), Images.CreateLabels(step, Training.Batch, 2 * group.Rank, 2));
            if (step == 1 && group.Rank == group.WorldSize - 1)
                loss = loss.mul(float.PositiveInfinity);
            scaler.scale(loss).backward();
            model.synchronize();
            scaler.unscale_(optimizer);
            nn.utils.clip_grad_norm_(model.parameters(), 1);
            scaler.step(optimizer);
            scaler.update();
            Report.Write(group, $"scale-{step}", scaler.get_scale());
            Report.Write(group, $"weights-{step}", Hash.ComputeForWeights(network));
        }
    }

    private static IEnumerable<Tensor> GetGradients(nn.Module module) => module.parameters().Select(parameter => parameter.grad!);
}
