using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

/// <summary>Ten steps of SGD with momentum, by one process or by all ranks; <c>ddp_gloo.py</c> has the same numbers.</summary>
internal static class Training
{
    public const int Steps = 10, Batch = 8, Seed = 1;

    /// <summary>A ResNet-18 whose weights are a seed's.</summary>
    public static ResNet18 Network(int seed, ScalarType type)
    {
        random.manual_seed(seed);
        return new ResNet18(Images.Classes).to(type);
    }

    /// <summary>A network in which each image is computed alone: its shares' mean gradient is the whole batch's.</summary>
    public static Sequential WithoutBatchNorm(int seed)
    {
        random.manual_seed(seed);
        return nn.Sequential(
            nn.Conv2d(3, 16, kernel_size: 3, stride: 2), nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size: 3, stride: 2), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, Images.Classes)).to(ScalarType.Float64);
    }

    public static SGD Optimizer(nn.Module module) => optim.SGD(module.parameters(), 0.001, momentum: 0.9, weight_decay: 1e-4);

    /// <summary>The backward pass of a part of a step's batch.</summary>
    public static void Backward(nn.Module<Tensor, Tensor> module, int step, int first, int count, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = (Images.Batch(step, Batch, first, count, type), Images.Labels(step, Batch, first, count));
        nn.functional.cross_entropy(module.call(images), labels).backward();
    }

    /// <summary>This rank's part in the training.</summary>
    public static void Train(DistributedDataParallel model, ProcessGroup group, ScalarType type, int steps = Steps)
    {
        using var optimizer = Optimizer(model);
        var count = Batch / group.WorldSize;
        for (var step = 0; step < steps; step++)
        {
            optimizer.zero_grad();
            Backward(model, step, group.Rank * count, count, type);
            model.synchronize();
            optimizer.step();
        }
    }

    /// <summary>The same training in one process on whole batches.</summary>
    public static void TrainAlone(nn.Module<Tensor, Tensor> model, ScalarType type)
    {
        using var optimizer = Optimizer(model);
        for (var step = 0; step < Steps; step++)
        {
            optimizer.zero_grad();
            Backward(model, step, 0, Batch, type);
            optimizer.step();
        }
    }
}
