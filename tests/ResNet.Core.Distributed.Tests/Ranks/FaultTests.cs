using System.Globalization;

namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>
/// Whatever ends one rank ends all of them: with a code, soon, and with no process left, all of which
/// <see cref="RankProgram.Fail"/> looks at. Here: who is named.
/// </summary>
public sealed class FaultTests
{
    private const int Ranks = 3;

    [RankTheory, Under(MpiKind.OpenMpi, "throw"), Under(MpiKind.OpenMpi, "throw-on-thread"), Under(MpiKind.OpenMpi, "throw-async"), Under(MpiKind.OpenMpi, "throw-and-catch")]
    [Under(MpiKind.Mpich, "throw"), Under(MpiKind.Mpich, "throw-on-thread"), Under(MpiKind.Mpich, "throw-async"), Under(MpiKind.Mpich, "throw-and-catch")]
    public void An_exception_ends_all_ranks_and_is_told(MpiKind mpi, string scenario)
    {
        var result = RankProgram.Fail(mpi, Ranks, scenario);

        result.Says("rank 1 of 3: ");
        result.Says("the fault of rank 1");
    }

    [RankTheory, Under(MpiKind.OpenMpi, "exit"), Under(MpiKind.OpenMpi, "exit-256"), Under(MpiKind.OpenMpi, "return")]
    [Under(MpiKind.Mpich, "exit"), Under(MpiKind.Mpich, "exit-256"), Under(MpiKind.Mpich, "return")]
    public void A_rank_that_ends_without_a_word_ends_all_ranks(MpiKind mpi, string scenario) =>
        RankProgram.Fail(mpi, Ranks, scenario).Says("rank 1 of 3: ");

    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void Ranks_that_all_end_without_disposing_their_group_fail(MpiKind mpi) => RankProgram.Fail(mpi, Ranks, "all-return").Says(" of 3: ");

    // A killed rank says nothing. Open MPI's launcher names it; MPICH's names one of those that ended, which need not be the first.
    [RankTheory, Under(MpiKind.OpenMpi, "process rank 1 "), Under(MpiKind.Mpich, "signal 9")]
    public void A_killed_rank_ends_all_ranks(MpiKind mpi, string name) => RankProgram.Fail(mpi, Ranks, "kill").Says(name);

    [RankTheory, Under(MpiKind.OpenMpi, "INT"), Under(MpiKind.OpenMpi, "TERM"), Under(MpiKind.Mpich, "INT"), Under(MpiKind.Mpich, "TERM")]
    public void A_signal_to_the_launcher_ends_all_ranks(MpiKind mpi, string signal)
    {
        using var program = RankProgram.Start(mpi, Ranks, ["wait"]);
        program.WaitForAll("joined");
        Child.Run(TimeSpan.FromSeconds(10), "kill", $"-{signal}", program.LauncherId.ToString(CultureInfo.InvariantCulture)).Succeeded();

        program.Fails();
    }

    [RankTheory, Trait(Category.Name, Category.Slow), Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void A_rank_that_does_not_come_is_named_at_the_deadline(MpiKind mpi)
    {
        using var program = RankProgram.Start(mpi, Ranks, ["hang"]);
        var result = program.Fails(TimeSpan.FromSeconds(3)); // Hang's

        result.Says("TimeoutException");
        Assert.Matches("rank 1 (last started|does not answer)", result.Output);
    }

    // MPICH's launcher would end well where the exception is caught.
    [RankTheory, Under(MpiKind.OpenMpi, "absent"), Under(MpiKind.Mpich, "absent"), Under(MpiKind.Mpich, "absent-caught")]
    public void A_rank_that_ends_before_it_joins_is_waited_for_until_the_deadline(MpiKind mpi, string scenario)
    {
        using var program = RankProgram.Start(mpi, Ranks, [scenario]);
        var result = program.FailsAtOnce(TimeSpan.FromSeconds(1)); // Absent's

        Assert.Matches("rank [02] of 3: MPI_Init did not return within 1 s", result.Output);
        Assert.DoesNotContain("accepted", result.Output, StringComparison.Ordinal);
    }

    [RankTheory, Under(MpiKind.OpenMpi, "different-size"), Under(MpiKind.OpenMpi, "different-shape"), Under(MpiKind.OpenMpi, "different-operation")]
    [Under(MpiKind.Mpich, "different-size"), Under(MpiKind.Mpich, "different-operation")]
    public void Another_operation_on_a_rank_is_an_error(MpiKind mpi, string scenario)
    {
        var result = RankProgram.Fail(mpi, Ranks, scenario);

        result.Says("expected the same operation on every rank");
        Assert.Equal(1, result.Code); // and not that of a signal, after MPI has written beyond a tensor
        Assert.DoesNotContain("accepted", result.Output, StringComparison.Ordinal);
    }

    [RankTheory, Under(MpiKind.OpenMpi, "skip-backward", 2, 3), Under(MpiKind.Mpich, "synchronize-twice", 3, 2)]
    public void A_rank_that_falls_out_of_step_is_told_by_the_pass(MpiKind mpi, string scenario, int others, int own)
    {
        var result = RankProgram.Fail(mpi, Ranks, scenario);

        result.Says("expected the same operation on every rank");
        result.Says($"bucket 0 of pass {others}");
        result.Says($"bucket 0 of pass {own}");
    }

    [RankTheory, Trait(Category.Name, Category.Slow), Under(MpiKind.OpenMpi)]
    public void A_rank_that_leaves_alone_says_at_the_deadline_who_has_not_left(MpiKind mpi)
    {
        using var program = RankProgram.Start(mpi, Ranks, ["dispose-alone"]);

        program.Fails(TimeSpan.FromSeconds(3)).Says("rank 1 of 3: waited 3 s in Dispose: rank 0 has not left the group; rank 2 has not left the group"); // Hang's
    }

    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void A_rank_that_leaves_ends_those_that_wait_for_it(MpiKind mpi) => Assert.Matches("rank 1 has left", RankProgram.Fail(mpi, Ranks, "dispose-early").Output);

    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void A_rank_that_ends_with_a_code_ends_all_ranks(MpiKind mpi) => RankProgram.Fail(mpi, Ranks, "return-3").Says("the fault of rank 1");

    [RankTheory, Trait(Category.Name, Category.Slow), Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void Another_model_on_a_rank_is_refused_on_all(MpiKind mpi)
    {
        var result = RankProgram.Run(mpi, Ranks, "different-models");

        Assert.All(["shape", "transposed", "type", "order", "count", "frozen", "buffers"], difference =>
            Assert.Contains("rank 1", result.Common(difference), StringComparison.Ordinal));
        Assert.Equal("accepted", result.Common("none"));
        RankProgram.Fail(mpi, Ranks, "different-model").Says("rank 1");
    }

    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void A_NullReferenceException_is_still_an_exception(MpiKind mpi)
    {
        var result = RankProgram.Run(mpi, 2, "null-reference");

        Assert.All(Enumerable.Range(0, 3), time => Assert.Equal("True", result.Common($"caught-{time}")));
    }
}
