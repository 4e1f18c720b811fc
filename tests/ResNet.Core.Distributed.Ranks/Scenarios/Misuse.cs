using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Loops that would train each rank for itself.</summary>
internal static class Misuse
{
    public static int Run()
    {
        using var group = ProcessGroup.Init();
        Forget(group);
        Evaluate(group);
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
