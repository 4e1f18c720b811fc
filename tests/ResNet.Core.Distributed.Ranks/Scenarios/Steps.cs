using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>What comes between the backward pass and the step.</summary>
internal static class Steps
{
    public static int Run()
    {
        using var group = ProcessGroup.Init();
        Clip(group);
        Scale(group);
        return 0;
    }

    /// <summary>The norm is that of the averaged gradients.</summary>
    private static void Clip(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        var network = Training.WithoutBatchNorm(Training.Seed + group.Rank);
        var model = new DistributedDataParallel(network, group);
        var count = Training.Batch / group.WorldSize;
        Training.Backward(model, 0, group.Rank * count, count, ScalarType.Float64);
        model.synchronize();

        var alone = Training.WithoutBatchNorm(Training.Seed);
        Training.Backward(alone, 0, 0, Training.Batch, ScalarType.Float64);
        var (norm, expected) = (nn.utils.clip_grad_norm_(model.parameters(), 0.01), nn.utils.clip_grad_norm_(alone.parameters(), 0.01));
        Report.Value(group, "norm", Math.Abs(norm - expected) / expected);
        Report.Value(group, "clipped", Difference.Largest(Gradients(model), Gradients(alone)));
        Report.Value(group, "clipped-bits", Hash.Gradients(model));
    }

    /// <summary>In the second step one rank has an infinity, and all leave the step out.</summary>
    private static void Scale(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        var network = Training.Network(Training.Seed + group.Rank, ScalarType.Float32);
        var model = new DistributedDataParallel(network, group);
        using var optimizer = Training.Optimizer(model);
        var scaler = new GradScaler(init_scale: 1024);
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            var images = Images.Batch(step, Training.Batch, 2 * group.Rank, 2, ScalarType.Float32);
            var loss = nn.functional.cross_entropy(model.call(images), Images.Labels(step, Training.Batch, 2 * group.Rank, 2));
            if (step == 1 && group.Rank == group.WorldSize - 1)
                loss = loss.mul(float.PositiveInfinity);
            scaler.scale(loss).backward();
            model.synchronize();
            scaler.unscale_(optimizer);
            nn.utils.clip_grad_norm_(model.parameters(), 1);
            scaler.step(optimizer);
            scaler.update();
            Report.Value(group, $"scale-{step}", scaler.get_scale());
            Report.Value(group, $"weights-{step}", Hash.Weights(network));
        }
    }

    private static IEnumerable<Tensor> Gradients(nn.Module module) => module.parameters().Select(parameter => parameter.grad!);
}
