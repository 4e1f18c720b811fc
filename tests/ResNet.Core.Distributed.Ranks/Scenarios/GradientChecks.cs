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
            foreach (var overlap in new[] { true, false })
                Report.Value(group, $"{check.Name}{(overlap ? "" : "-without-overlap")}", Check(check, group, overlap));
        return 0;
    }

    private static string Check(GradientCase check, ProcessGroup group, bool overlap)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1 + group.Rank);
        var module = check.Make();
        random.manual_seed(1);
        var reference = check.Make();
        var worst = 0.0;
        try
        {
            var model = Wrap.Module(module, group, check.BucketMegabytes, overlap);
            for (var step = 0; step < Steps; step++)
            {
                if (!check.Accumulates)
                    module.zero_grad();
                for (var pass = 0; pass < check.Passes; pass++)
                    using (pass < check.Passes - 1 ? model.no_sync() : null)
                        Backward(model, check.Input(group.Rank, step * check.Passes + pass));
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
        using (no_grad())
            foreach (var gradient in reference.parameters().Select(parameter => parameter.grad).OfType<Tensor>())
                gradient.mul_(check.Accumulates ? ranks : 0);
        if (!check.Accumulates)
            reference.zero_grad();

        for (var rank = 0; rank < ranks; rank++)
            for (var pass = 0; pass < check.Passes; pass++)
                Backward(reference, check.Input(rank, step * check.Passes + pass));
        using var _ = no_grad();
        foreach (var gradient in reference.parameters().Select(parameter => parameter.grad).OfType<Tensor>())
            gradient.div_(ranks);
    }

    private static void Backward(nn.Module<Tensor, Tensor> module, Tensor input)
    {
        using var scope = NewDisposeScope();
        module.call(input).pow(2).mean().backward();
    }

    private static double Compare(Tensor own, Tensor expected) => (own.grad, expected.grad) switch
    {
        (null, null) => 0,
        ({ } gradient, { } average) when gradient.dtype == average.dtype && gradient.shape.SequenceEqual(average.shape) =>
            Difference.Relative(gradient, average) / (gradient.dtype == ScalarType.Float64 ? 1 : 1e9), // float32 has nine digits less
        _ => double.PositiveInfinity,
    };
}
