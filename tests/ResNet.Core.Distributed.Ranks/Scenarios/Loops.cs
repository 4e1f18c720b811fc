using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Training loops that omit something. Some would train each rank separately and must be refused; the others must be correct.</summary>
internal static class Loops
{
    public static int Run()
    {
        using var group = ProcessGroup.Init();
        ForgetSynchronize(group);
        Evaluate(group);
        TrainOnEmptyShare(group);
        ReplaceBuffer(group);
        return 0;
    }

    /// <summary>A loop without <c>synchronize</c> throws in its second forward pass, and continues after it synchronizes.</summary>
    private static void ForgetSynchronize(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        var model = new DistributedDataParallel(nn.Linear(4, 4), group);
        model.call(ones(2, 4)).sum().backward();
        Report.Write(group, "second-forward", GetMessage(() => model.call(ones(2, 4))));
        model.synchronize();
        model.call(ones(2, 4)).sum().backward();
        model.synchronize();
        Report.Write(group, "third-forward", GetMessage(() => model.call(ones(2, 4))));
    }

    /// <summary>A forward pass without gradients needs no <c>synchronize</c>, and rank 0 may use the module alone.</summary>
    private static void Evaluate(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        var network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4));
        var model = new DistributedDataParallel(network, group);
        model.call(randn(8, 4)).sum().backward();
        model.synchronize();
        model.eval();
        using (no_grad())
        {
            model.call(randn(8, 4));
            if (group.Rank == 0)
                network.call(randn(8, 4));
            model.call(randn(8, 4));
        }
        model.train();
        model.call(randn(8, 4)).pow(2).sum().backward();
        model.synchronize();
        Report.Write(group, "after-evaluation", Hash.ComputeForGradients(model));
    }

    /// <summary>The last rank's share of each batch is empty. The rank runs every step, and its gradients count as zero.</summary>
    private static void TrainOnEmptyShare(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new DistributedDataParallel(CreateNormalizedNetwork(), group);
        random.manual_seed(1);
        var alone = CreateNormalizedNetwork();
        using var optimizer = optim.SGD(model.parameters(), 0.1);
        using var optimizerAlone = optim.SGD(alone.parameters(), 0.1);
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            model.call(group.Rank == group.WorldSize - 1 ? zeros(0, 4) : ones(4, 4).mul(arange(4).add(step))).pow(2).sum().backward();
            model.synchronize();
            optimizer.step();

            optimizerAlone.zero_grad();
            alone.call(ones(4, 4).mul(arange(4).add(step))).pow(2).sum().mul((group.WorldSize - 1.0) / group.WorldSize).backward();
            optimizerAlone.step();
        }
        Report.Write(group, "empty-share", Difference.ComputeLargest(model.parameters(), alone.parameters()));
        Report.Write(group, "empty-share-bits", Hash.ComputeForWeights(model));
    }

    /// <summary>A buffer that was replaced by another tensor has rank 0's values after the next forward pass.</summary>
    private static void ReplaceBuffer(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        var norm = nn.BatchNorm1d(4);
        var model = new DistributedDataParallel(nn.Sequential(nn.Linear(4, 4), norm), group);
        model.call(randn(8, 4)).sum().backward();
        model.synchronize();
        norm.running_mean = full(4, 1f + group.Rank);
        model.eval(); // so that the pass changes nothing by itself
        model.call(randn(8, 4)).sum().backward();
        model.synchronize();
        Report.Write(group, "replaced-buffer", string.Join(',', norm.running_mean!.data<float>()));
    }

    private static TorchSharp.Modules.Sequential CreateNormalizedNetwork() => nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1));

    private static string GetMessage(Action action)
    {
        try
        {
            action();
            return "none";
        }
        catch (InvalidOperationException exception)
        {
            return exception.Message.ReplaceLineEndings(" ");
        }
    }
}
