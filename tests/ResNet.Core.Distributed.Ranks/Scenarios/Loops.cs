using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Loops that would train each rank for itself, and some that only look so.</summary>
internal static class Loops
{
    public static int Run()
    {
        using var group = ProcessGroup.Init();
        Forget(group);
        Evaluate(group);
        HaveNothing(group);
        ReplaceBuffer(group);
        return 0;
    }

    /// <summary>A loop without <c>synchronize</c> ends at its second forward pass; one that synchronizes then goes on.</summary>
    private static void Forget(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        var model = new DistributedDataParallel(nn.Linear(4, 4), group);
        model.call(ones(2, 4)).sum().backward();
        Report.Value(group, "second-forward", Message(() => model.call(ones(2, 4))));
        model.synchronize();
        model.call(ones(2, 4)).sum().backward();
        model.synchronize();
        Report.Value(group, "third-forward", Message(() => model.call(ones(2, 4))));
    }

    /// <summary>A forward pass without gradients leaves nothing to be synchronized, and rank 0 may use the module alone.</summary>
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
        Report.Value(group, "after-evaluation", Hash.Gradients(model));
    }

    /// <summary>The last rank's share of each batch is empty: it trains along, and counts as a rank without any gradient.</summary>
    private static void HaveNothing(ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new DistributedDataParallel(Normalized(), group);
        random.manual_seed(1);
        var alone = Normalized();
        using var optimizer = optim.SGD(model.parameters(), 0.1);
        using var expected = optim.SGD(alone.parameters(), 0.1);
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            model.call(group.Rank == group.WorldSize - 1 ? zeros(0, 4) : ones(4, 4).mul(arange(4).add(step))).pow(2).sum().backward();
            model.synchronize();
            optimizer.step();

            expected.zero_grad();
            alone.call(ones(4, 4).mul(arange(4).add(step))).pow(2).sum().mul((group.WorldSize - 1.0) / group.WorldSize).backward();
            expected.step();
        }
        Report.Value(group, "empty-share", Difference.Largest(model.parameters(), alone.parameters()));
        Report.Value(group, "empty-share-bits", Hash.Weights(model));
    }

    /// <summary>A buffer that another tensor has taken the place of is rank 0's in the next forward pass.</summary>
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
        Report.Value(group, "replaced-buffer", string.Join(',', norm.running_mean!.data<float>()));
    }

    private static TorchSharp.Modules.Sequential Normalized() => nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1));

    private static string Message(Action action)
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
