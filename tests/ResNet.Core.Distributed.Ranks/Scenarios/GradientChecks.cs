using ResNet.Core.Distributed.Ranks.Gradients;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Each case's gradients against an average made by hand, in three steps, with overlap and without.</summary>
internal static class GradientChecks
{
    private const int Steps = 3;

    public static int Run()
    {
        using var group = ProcessGroup.Init();
        foreach (var check in GradientCases.All)
        {
            Report.Value(group, check.Name, Check(check, group, check.BucketMegabytes ?? 25, overlap: true));
            Report.Value(group, $"{check.Name}-without-overlap", Check(check, group, check.BucketMegabytes ?? 25, overlap: false));
            // Each parameter travels alone, and as early as can be.
            if (check.BucketMegabytes is null)
                Report.Value(group, $"{check.Name}-one-by-one", Check(check, group, bucketMegabytes: 1e-6, overlap: true));
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
            using var model = Wrap.Module(module, group, bucketMegabytes, overlap);
            for (var step = 0; step < Steps; step++)
            {
                if (!check.Accumulates)
                    Clear(module, check);
                for (var pass = 0; pass < check.Passes; pass++)
                    using (pass < check.Passes - 1 ? model.no_sync() : null)
                        Backward(model, check, group.Rank, step * check.Passes + pass);
                model.synchronize();

                Average(check, reference, group.WorldSize, step);
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

    /// <summary>The mean over the ranks of what their passes add up to.</summary>
    private static void Average(GradientCase check, nn.Module<Tensor, Tensor> reference, int ranks, int step)
    {
        // What was averaged before is on every rank alike: the sum has it once for each.
        if (!check.Accumulates)
            Clear(reference, check);
        using (no_grad())
            foreach (var gradient in reference.parameters().Select(parameter => parameter.grad).OfType<Tensor>())
                gradient.mul_(ranks);

        for (var rank = 0; rank < ranks; rank++)
            for (var pass = 0; pass < check.Passes; pass++)
                Backward(reference, check, rank, step * check.Passes + pass);
        using var _ = no_grad();
        foreach (var gradient in reference.parameters().Select(parameter => parameter.grad).OfType<Tensor>())
            gradient.div_(ranks);
    }

    private static void Clear(nn.Module module, GradientCase check)
    {
        module.zero_grad(set_to_none: !check.KeepsZeros);
        if (!check.KeepsZeros) return;
        foreach (var parameter in module.parameters())
            parameter.grad ??= zeros_like(parameter, requires_grad: false);
    }

    private static void Backward(nn.Module<Tensor, Tensor> module, GradientCase check, int rank, int pass)
    {
        using var scope = NewDisposeScope();
        var input = check.Input(rank, pass);
        Tensor output;
        using (check.SynchronizesAtEnd ? (module as DistributedDataParallel)?.no_sync() : null)
            output = cat(input.chunk(check.Forwards).Select(module.call).ToList());
        var penalty = check.PenalizesGradient ? autograd.grad([output.sum()], [input], create_graph: true, retain_graph: true)[0].pow(2).sum() : zeros([], output.dtype);
        for (var backward = 1; backward <= check.Backwards; backward++)
            output.pow(backward + 1).mean().add(penalty).backward(retain_graph: backward < check.Backwards);
    }

    /// <summary>The difference as a share of the largest value; in narrower types, as float64 would have it.</summary>
    private static double Compare(Tensor own, Tensor expected)
    {
        switch (own.grad, expected.grad)
        {
            case (null, null):
                return 0;
            case ({ } gradient, { } average) when gradient.dtype == average.dtype && gradient.shape.SequenceEqual(average.shape):
                return Difference.Relative(gradient, average) * finfo(ScalarType.Float64).eps / finfo(gradient.dtype).eps;
            default:
                return double.PositiveInfinity;
        }
    }
}
