using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

/// <summary>Trains for ten steps of SGD with momentum, in one process or on all ranks. <c>ddp_gloo.py</c> uses the same numbers.</summary>
internal static class Training
{
    public const int Steps = 10, Batch = 8, Seed = 1;

    /// <summary>Creates a ResNet-18 with the weights that a seed gives.</summary>
    public static ResNet18 CreateNetwork(int seed, ScalarType type)
    {
        random.manual_seed(seed);
        return new ResNet18(Images.Classes).to(type);
    }

    /// <summary>Creates a network that computes each image independently, so that the mean gradient of equal shares is that of the whole batch.</summary>
    public static Sequential CreateNetworkWithoutBatchNorm(int seed)
    {
        random.manual_seed(seed);
        return nn.Sequential(
            nn.Conv2d(3, 16, kernel_size: 3, stride: 2), nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size: 3, stride: 2), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, Images.Classes)).to(ScalarType.Float64);
    }

    public static SGD CreateOptimizer(nn.Module module) => optim.SGD(module.parameters(), 0.001, momentum: 0.9, weight_decay: 1e-4);

    /// <summary>Runs the forward and backward pass of a part of a step's batch.</summary>
    public static void RunBackward(nn.Module<Tensor, Tensor> module, int step, int first, int count, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = (Images.CreateBatch(step, Batch, first, count, type), Images.CreateLabels(step, Batch, first, count));
        nn.functional.cross_entropy(module.call(images), labels).backward();
    }

    /// <summary>Trains on this rank's part of each batch.</summary>
    public static void Train(DistributedDataParallel model, ProcessGroup group, ScalarType type, int steps = Steps)
    {
        using var optimizer = CreateOptimizer(model);
        var count = Batch / group.WorldSize;
        for (var step = 0; step < steps; step++)
        {
            optimizer.zero_grad();
            RunBackward(model, step, group.Rank * count, count, type);
            model.synchronize();
            optimizer.step();
        }
    }

    /// <summary>Runs the same training in one process on whole batches.</summary>
    public static void TrainAlone(nn.Module<Tensor, Tensor> model, ScalarType type)
    {
        using var optimizer = CreateOptimizer(model);
        for (var step = 0; step < Steps; step++)
        {
            optimizer.zero_grad();
            RunBackward(model, step, 0, Batch, type);
            optimizer.step();
        }
    }
}
