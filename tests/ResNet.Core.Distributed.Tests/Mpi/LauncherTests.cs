using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Tests.Mpi;

public class LauncherTests
{
    // The variables that the launchers set, observed or taken from their source code.
    private const string
        OpenMpi = "OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_RANK=1 PMIX_RANK=3",
        Hydra = "PMI_SIZE=4 PMI_RANK=3 PMI_FD=8 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2",
        Batch = "SLURM_JOB_ID=1 SLURM_NTASKS=8 SLURM_PROCID=0 SLURM_LOCALID=0",
        Step = "SLURM_JOB_ID=1 SLURM_NTASKS=8 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=3";

    [Theory]
    [InlineData(OpenMpi, LauncherKind.OpenMpi)]
    [InlineData(Hydra, LauncherKind.Mpich)]
    [InlineData("MV2_COMM_WORLD_SIZE=4 MV2_COMM_WORLD_RANK=3 PMI_ID=3", LauncherKind.Mpich)]
    [InlineData("PMI_SIZE=4 PMI_RANK=3 PMI_SMPD_KEY=3 PMI_KVS={2b3c1f9e-0d7a-4e57-9a43-5a1c0f6e7d21}", LauncherKind.MicrosoftMpi)]
    [InlineData("PMI_SIZE=4 PMI_RANK=3", LauncherKind.Mpich)]
    [InlineData(Step, LauncherKind.Slurm)]
    [InlineData(Step + " PMIX_RANK=3", LauncherKind.Slurm)]
    [InlineData(Step + " PMI_RANK=3 PMI_SIZE=4 PMI_FD=8", LauncherKind.SlurmPmi)]
    // In a batch script, mpirun starts its helpers on other machines as a step with one task per machine.
    [InlineData(OpenMpi + " SLURM_NTASKS=8 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=1", LauncherKind.OpenMpi)]
    [InlineData(OpenMpi + " " + Batch, LauncherKind.OpenMpi)]
    [InlineData(Hydra + " SLURM_NTASKS=8 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=1", LauncherKind.Mpich)]
    [InlineData(Hydra + " " + Batch, LauncherKind.Mpich)]
    internal void The_innermost_launcher_is_found(string environment, LauncherKind kind)
    {
        var launcher = Find(environment);

        Assert.NotNull(launcher);
        Assert.Equal((kind, 3, 4), (launcher.Kind, launcher.Rank, launcher.WorldSize));
    }

    [Theory]
    [InlineData("")]
    [InlineData("PATH=/bin PMI_DEBUG=1")]
    [InlineData(Batch)]
    // A shell in an allocation, as salloc starts it.
    [InlineData("SLURM_NTASKS=8 SLURM_STEP_ID=4294967290 SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0")]
    public void A_process_started_without_a_launcher_has_none(string environment) => Assert.Null(Find(environment));

    [Fact]
    public void A_launcher_that_starts_one_process_is_found() => Assert.Equal(1, Find("OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0")?.WorldSize);

    [Theory]
    [InlineData("OMPI_COMM_WORLD_SIZE=four OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE", "'four'")]
    [InlineData("OMPI_COMM_WORLD_SIZE=-4 OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE", "'-4'")]
    [InlineData("OMPI_COMM_WORLD_SIZE=0 OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE", "got 0")]
    [InlineData("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=4", "OMPI_COMM_WORLD_RANK", "got 4")]
    [InlineData("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=", "OMPI_COMM_WORLD_RANK", "''")]
    [InlineData("OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_RANK", "got nothing")]
    [InlineData("PMI_SIZE=4 PMI_RANK=1e0", "PMI_RANK", "'1e0'")]
    [InlineData("SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=9", "SLURM_PROCID", "got 9")]
    [InlineData("PMI_SIZE=99999999999 PMI_RANK=0", "PMI_SIZE", "'99999999999'")]
    public void An_invalid_variable_is_named_in_the_error(string environment, string variable, string value)
    {
        var e = Assert.Throws<InvalidOperationException>(() => Find(environment));

        Assert.StartsWith(variable, e.Message, StringComparison.Ordinal);
        Assert.Contains(value, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Step, "Open MPI v4.1.4", "--mpi=pmix", "--mpi=pmix")]
    [InlineData(Step + " PMIX_RANK=3", "Open MPI v4.1.4", null, "--mpi=pmix")]
    [InlineData(Step + " PMI_RANK=3", "Open MPI v4.1.4", "--mpi=pmix", "--mpi=pmix")]
    [InlineData(Step, "MPICH Version: 4.0.2", null, "--mpi=pmi2")]
    [InlineData(OpenMpi, "Open MPI v4.1.4", null, null)]
    public void Under_srun_the_advice_depends_on_the_library(string environment, string library, string? advice, string? hint)
    {
        var launcher = Find(environment)!;
        Assert.Equal(advice is null, launcher.Advise(library, Variables(environment).GetValueOrDefault) is null);
        Assert.Contains(advice ?? "", launcher.Advise(library, Variables(environment).GetValueOrDefault) ?? "", StringComparison.Ordinal);
        Assert.Equal(hint is null, launcher.GetHint(library).Length == 0);
        Assert.Contains(hint ?? "", launcher.GetHint(library), StringComparison.Ordinal);
    }

    private static Launcher? Find(string environment) => Launcher.Find(Variables(environment).GetValueOrDefault);

    private static Dictionary<string, string> Variables(string environment) =>
        environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
}
