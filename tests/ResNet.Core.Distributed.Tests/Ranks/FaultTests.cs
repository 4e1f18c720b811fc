using System.Globalization;

namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>
/// A fault that ends one rank must end all of them, soon, with a non-zero exit code and no process left.
/// <see cref="RankProgram.RunExpectingFailure"/> asserts that. These tests assert what the output says, such as the rank that failed.
/// </summary>
public sealed class FaultTests
{
    private const int Ranks = 3;

    [RankTheory, Under(MpiKind.OpenMpi, "throw"), Under(MpiKind.OpenMpi, "throw-on-thread"), Under(MpiKind.OpenMpi, "throw-async"), Under(MpiKind.OpenMpi, "throw-and-catch")]
    [Under(MpiKind.Mpich, "throw"), Under(MpiKind.Mpich, "throw-on-thread"), Under(MpiKind.Mpich, "throw-async"), Under(MpiKind.Mpich, "throw-and-catch")]
    public void An_exception_ends_all_ranks_and_is_printed(MpiKind mpi, string scenario)
    {
        var result = RankProgram.RunExpectingFailure(mpi, Ranks, scenario);

        result.AssertContains("rank 1 of 3: ");
        result.AssertContains("the fault of rank 1");
    }

    [RankTheory, Under(MpiKind.OpenMpi, "exit"), Under(MpiKind.OpenMpi, "exit-256"), Under(MpiKind.OpenMpi, "return")]
    [Under(MpiKind.Mpich, "exit"), Under(MpiKind.Mpich, "exit-256"), Under(MpiKind.Mpich, "return")]
    public void A_rank_that_ends_silently_ends_all_ranks(MpiKind mpi, string scenario) =>
        RankProgram.RunExpectingFailure(mpi, Ranks, scenario).AssertContains("rank 1 of 3: ");

    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void Ranks_that_all_end_without_disposing_their_group_fail(MpiKind mpi) => RankProgram.RunExpectingFailure(mpi, Ranks, "all-return").AssertContains(" of 3: ");

    // A killed rank prints nothing. Open MPI's launcher names it. MPICH's launcher names one of the ranks that ended, not always the killed one.
    [RankTheory, Under(MpiKind.OpenMpi, "process rank 1 "), Under(MpiKind.Mpich, "signal 9")]
    public void A_killed_rank_ends_all_ranks(MpiKind mpi, string name) => RankProgram.RunExpectingFailure(mpi, Ranks, "kill").AssertContains(name);

    [RankTheory, Under(MpiKind.OpenMpi, "INT"), Under(MpiKind.OpenMpi, "TERM"), Under(MpiKind.Mpich, "INT"), Under(MpiKind.Mpich, "TERM")]
    public void A_signal_to_the_launcher_ends_all_ranks(MpiKind mpi, string signal)
    {
        using var program = RankProgram.Start(mpi, Ranks, ["wait"]);
        program.WaitForAll("joined");
        Child.Run(TimeSpan.FromSeconds(10), "kill", $"-{signal}", program.LauncherId.ToString(CultureInfo.InvariantCulture)).AssertSucceeded();

        program.AssertFails();
    }

    [RankTheory, Trait(Category.Name, Category.Slow), Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void A_hanging_rank_is_named_at_the_deadline(MpiKind mpi)
    {
        using var program = RankProgram.Start(mpi, Ranks, ["hang"]);
        var result = program.AssertFails(TimeSpan.FromSeconds(3)); // the deadline in Hang

        result.AssertContains("TimeoutException");
        Assert.Matches("rank 1 (last started|does not answer)", result.Output);
    }

    // If the program catches the exception, MPICH's launcher alone would report success.
    [RankTheory, Under(MpiKind.OpenMpi, "absent"), Under(MpiKind.Mpich, "absent"), Under(MpiKind.Mpich, "absent-caught")]
    public void Ranks_wait_until_the_deadline_for_one_that_ended_before_it_joined(MpiKind mpi, string scenario)
    {
        using var program = RankProgram.Start(mpi, Ranks, [scenario]);
        var result = program.AssertFailsToJoin(TimeSpan.FromSeconds(1)); // the deadline in Absent

        Assert.Matches("rank [02] of 3: MPI_Init did not return within 1 s", result.Output);
        Assert.DoesNotContain("accepted", result.Output, StringComparison.Ordinal);
    }

    [RankTheory, Under(MpiKind.OpenMpi, "different-size"), Under(MpiKind.OpenMpi, "different-shape"), Under(MpiKind.OpenMpi, "different-operation")]
    [Under(MpiKind.Mpich, "different-size"), Under(MpiKind.Mpich, "different-operation")]
    public void A_different_operation_on_one_rank_is_an_error(MpiKind mpi, string scenario)
    {
        var result = RankProgram.RunExpectingFailure(mpi, Ranks, scenario);

        result.AssertContains("expected the same operation on every rank");
        Assert.Equal(1, result.Code); // not the code of a signal, which would mean that MPI wrote beyond a tensor
        Assert.DoesNotContain("accepted", result.Output, StringComparison.Ordinal);
    }

    [RankTheory, Under(MpiKind.OpenMpi, "skip-backward", 2, 3), Under(MpiKind.Mpich, "synchronize-twice", 3, 2)]
    public void The_error_names_the_pass_of_each_rank_when_one_is_out_of_step(MpiKind mpi, string scenario, int others, int own)
    {
        var result = RankProgram.RunExpectingFailure(mpi, Ranks, scenario);

        result.AssertContains("expected the same operation on every rank");
        result.AssertContains($"bucket 0 of pass {others}");
        result.AssertContains($"bucket 0 of pass {own}");
    }

    [RankTheory, Trait(Category.Name, Category.Slow), Under(MpiKind.OpenMpi)]
    public void A_rank_that_leaves_alone_names_at_the_deadline_those_that_have_not_left(MpiKind mpi)
    {
        using var program = RankProgram.Start(mpi, Ranks, ["dispose-alone"]);

        program.AssertFails(TimeSpan.FromSeconds(3)).AssertContains("rank 1 of 3: waited 3 s in Dispose: rank 0 has not left the group; rank 2 has not left the group"); // the deadline in Hang
    }

    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void A_rank_that_leaves_ends_the_ranks_that_wait_for_it(MpiKind mpi) => Assert.Matches("rank 1 has left", RankProgram.RunExpectingFailure(mpi, Ranks, "dispose-early").Output);

    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void A_rank_that_returns_an_exit_code_ends_all_ranks(MpiKind mpi) => RankProgram.RunExpectingFailure(mpi, Ranks, "return-3").AssertContains("the fault of rank 1");

    [RankTheory, Trait(Category.Name, Category.Slow), Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void A_different_model_on_one_rank_is_refused_on_all_ranks(MpiKind mpi)
    {
        var result = RankProgram.Run(mpi, Ranks, "different-models");

        Assert.All(["shape", "transposed", "type", "order", "count", "frozen", "buffers"], difference =>
            Assert.Contains("rank 1", result.GetCommonValue(difference), StringComparison.Ordinal));
        Assert.Equal("accepted", result.GetCommonValue("none"));
        RankProgram.RunExpectingFailure(mpi, Ranks, "different-model").AssertContains("rank 1");
    }

    [RankTheory, Under(MpiKind.OpenMpi), Under(MpiKind.Mpich)]
    public void A_NullReferenceException_can_still_be_caught(MpiKind mpi)
    {
        var result = RankProgram.Run(mpi, 2, "null-reference");

        Assert.All(Enumerable.Range(0, 3), time => Assert.Equal("True", result.GetCommonValue($"caught-{time}")));
    }
}
