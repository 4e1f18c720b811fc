using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Rank 1 synchronizes less or more often than the others. All steps run the same operations, so MPI would mix the steps up.</summary>
internal static class OutOfStep
{
    /// <summary>Like a loop that skips a bad loss.</summary>
    public static int RunSkippedBackward()
    {
        using var group = Others.Join();
        return Train(group, (model, step) =>
        {
            var loss = model.call(ones(2, 4)).sum();
            if (step == 1 && group.Rank == 1)
                return;
            loss.backward();
            model.synchronize();
        });
    }

    public static int RunSecondSynchronize()
    {
        using var group = Others.Join();
        return Train(group, (model, step) =>
        {
            model.call(ones(2, 4)).sum().backward();
            model.synchronize();
            if (step == 1 && group.Rank == 1)
                model.synchronize();
        });
    }

    private static int Train(ProcessGroup group, Action<DistributedDataParallel, int> train)
    {
        var model = new DistributedDataParallel(nn.Linear(4, 4), group);
        for (var step = 0; ; step++)
        {
            using var scope = NewDisposeScope();
            train(model, step);
        }
    }
}
