using ResNet.Core.Distributed.Ranks.Gradients;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Compares each case's gradients with a mean computed in one process, in three steps, with and without overlap.</summary>
internal static class GradientChecks
{
    private const int Steps = 3;

    public static int Run()
    {
        using var group = ProcessGroup.Init();
        foreach (var check in GradientCases.All)
        {
            Report.Write(group, check.Name, Check(check, group, check.BucketMegabytes ?? 25, overlap: true));
            Report.Write(group, $"{check.Name}-without-overlap", Check(check, group, check.BucketMegabytes ?? 25, overlap: false));
            // Each parameter is reduced alone and as early as possible.
            if (check.BucketMegabytes is null)
                Report.Write(group, $"{check.Name}-one-by-one", Check(check, group, bucketMegabytes: 1e-6, overlap: true));
        }
        return 0;
    }

    private static string Check(GradientCase check, ProcessGroup group, double bucketMegabytes, bool overlap)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1 + group.Rank);
        var module = check.Make();
        random.manual_seed(1);
        var reference = check.Make();
        var worst = 0.0;
        try
        {
            using var model = new DistributedDataParallel(module, group, bucketMegabytes, broadcast_buffers: true, overlap);
            for (var step = 0; step < Steps; step++)
            {
                if (!check.Accumulates)
                    ClearGradients(module, check);
                for (var pass = 0; pass < check.Passes; pass++)
                    using (pass < check.Passes - 1 ? model.no_sync() : null)
                        RunBackward(model, check, group.Rank, step * check.Passes + pass);
                model.synchronize();

                ComputeMean(check, reference, group.WorldSize, step);
                foreach (var (own, expected) in module.parameters().Zip(reference.parameters()))
                    worst = Math.Max(worst, Compare(own, expected));
            }
        }
        catch (InvalidOperationException refusal) when (check.MayBeRefused)
        {
            return $"refused: {refusal.Message.ReplaceLineEndings(" ")}";
        }
        return $"{worst}";
    }

    /// <summary>Computes the mean over the ranks of their accumulated gradients.</summary>
    private static void ComputeMean(GradientCase check, nn.Module<Tensor, Tensor> reference, int ranks, int step)
    {
        // Every rank holds the mean of the steps before, so the sum over the ranks contains it once per rank.
        if (!check.Accumulates)
            ClearGradients(reference, check);
        using (no_grad())
            foreach (var gradient in reference.parameters().Select(parameter => parameter.grad).OfType<Tensor>())
                gradient.mul_(ranks);

        for (var rank = 0; rank < ranks; rank++)
            for (var pass = 0; pass < check.Passes; pass++)
                RunBackward(reference, check, rank, step * check.Passes + pass);
        using var _ = no_grad();
        foreach (var gradient in reference.parameters().Select(parameter => parameter.grad).OfType<Tensor>())
            gradient.div_(ranks);
    }

    private static void ClearGradients(nn.Module module, GradientCase check)
    {
        module.zero_grad(set_to_none: !check.KeepsZeros);
        if (!check.KeepsZeros) return;
        foreach (var parameter in module.parameters())
            parameter.grad ??= zeros_like(parameter, requires_grad: false);
    }

    private static void RunBackward(nn.Module<Tensor, Tensor> module, GradientCase check, int rank, int pass)
    {
        using var scope = NewDisposeScope();
        var input = check.MakeInput(rank, pass);
        Tensor output;
        using (check.SynchronizesAtEnd ? (module as DistributedDataParallel)?.no_sync() : null)
            output = cat(input.chunk(check.Forwards).Select(module.call).ToList());
        var penalty = check.PenalizesGradient ? autograd.grad([output.sum()], [input], create_graph: true, retain_graph: true)[0].pow(2).sum() : zeros([], output.dtype);
        for (var backward = 1; backward <= check.Backwards; backward++)
            output.pow(backward + 1).mean().add(penalty).backward(retain_graph: backward < check.Backwards);
    }

    /// <summary>Computes the difference relative to the largest value, scaled from the precision of the type to that of float64.</summary>
    private static double Compare(Tensor own, Tensor expected)
    {
        switch (own.grad, expected.grad)
        {
            case (null, null):
                return 0;
            case ({ } gradient, { } mean) when gradient.dtype == mean.dtype && gradient.shape.SequenceEqual(mean.shape):
                return Difference.ComputeRelative(gradient, mean) * finfo(ScalarType.Float64).eps / finfo(gradient.dtype).eps;
            default:
                return double.PositiveInfinity;
        }
    }
}
