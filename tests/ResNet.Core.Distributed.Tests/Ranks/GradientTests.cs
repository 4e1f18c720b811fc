using System.Globalization;

namespace ResNet.Core.Distributed.Tests.Ranks;

public sealed class GradientTests
{
    [RankTheory, Trait(Category.Name, Category.Slow), Under(MpiKind.OpenMpi, 2), Under(MpiKind.OpenMpi, 3), Under(MpiKind.Mpich, 2), Under(MpiKind.Mpich, 3)]
    public void Gradients_are_the_mean_over_the_ranks_however_a_module_uses_its_parameters(MpiKind mpi, int ranks)
    {
        var result = RankProgram.Run(mpi, ranks, "gradients");

        string[] buckets = ["buckets-of-1-KB", "buckets-of-25-MB", "buckets-of-1-MB"];
        string[] cases =
        [
            "plain", "three-uses", "tied", "functional", "unused-on-one-rank", "unused-on-all", "no-sync", "no-sync-unused", "accumulated",
            "mixed-types", "frozen", "own-parameter", "transposed", "channels-last", "in-place", "batch-norm", "uses-differ", "discarded",
            "partly-without-gradient", "embedding", "recurrent", "bfloat16", "input-with-gradient", "zeroed", "two-forward-passes",
            "two-forward-passes-with-batch-norm", "gradient-penalty", "gradient-penalty-in-no-sync",
        ];
        Assert.All(cases.SelectMany(ListVariants).Concat(buckets.SelectMany(name => ListVariants(name).Take(2))), name =>
            Assert.All(result.GetValues(name), error => Assert.InRange(double.Parse(error, CultureInfo.InvariantCulture), 0, 1e-15)));
        // These use parameters in ways that hooks cannot see. The result must be right or refused.
        string[] unseen = ["forward-and-call", "forward-alone", "functional-before", "two-backward-passes", "gradient-penalty-zeroed"];
        Assert.All(unseen.SelectMany(ListVariants), name => Assert.All(result.GetValues(name), error => Assert.True(
            error.StartsWith("refused: ", StringComparison.Ordinal) && error.Contains("another gradient after those of its bucket", StringComparison.Ordinal) || double.Parse(error, CultureInfo.InvariantCulture) <= 1e-15, $"{name}: {error}")));
        // autograd.grad was mistaken for the backward pass. The message names the remedy, which gradient-penalty-in-no-sync uses.
        Assert.All(result.GetValues("gradient-penalty-zeroed-one-by-one"), error => Assert.Contains("no_sync()", error, StringComparison.Ordinal));
    }

    private static IEnumerable<string> ListVariants(string name) => [name, $"{name}-without-overlap", $"{name}-one-by-one"];
}
