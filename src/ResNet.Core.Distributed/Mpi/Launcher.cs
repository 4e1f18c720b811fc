using System.Globalization;

namespace ResNet.Core.Distributed.Mpi;

/// <summary>The launcher that started this process as one of several.</summary>
/// <param name="Name">The name for messages.</param>
/// <param name="Kind">The kind of launcher, which tells which MPI it supports.</param>
/// <param name="Rank">The rank of this process, from 0.</param>
/// <param name="WorldSize">The number of processes.</param>
internal sealed record Launcher(string Name, LauncherKind Kind, int Rank, int WorldSize)
{
    /// <summary>Finds the launcher of this process.</summary>
    /// <param name="environment">Returns the value of an environment variable, or null.</param>
    /// <returns>The launcher; null if there is none.</returns>
    /// <exception cref="InvalidOperationException">A variable of the launcher is missing, not a number, or out of range.</exception>
    public static Launcher? Find(Func<string, string?> environment)
    {
        bool Has(string variable) => environment(variable) is not null;

        // From the innermost to the outermost: inside a Slurm allocation, processes of mpirun inherit Slurm's variables.
        if (Has("OMPI_COMM_WORLD_SIZE"))
            return Read("Open MPI's mpirun", LauncherKind.OpenMpi, "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", environment);
        if (Has("MV2_COMM_WORLD_SIZE"))
            return Read("MVAPICH's mpirun", LauncherKind.Mpich, "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", environment);
        if (Has("PMI_SIZE") && Has("PMI_SMPD_KEY"))
            return Read("MS-MPI's mpiexec", LauncherKind.MicrosoftMpi, "PMI_SIZE", "PMI_RANK", environment);
        // MPI_LOCALRANKID is specific to Hydra; other launchers also set PMI's variables.
        if (Has("PMI_SIZE") && Has("MPI_LOCALRANKID"))
            return Read("Hydra's mpiexec", LauncherKind.Mpich, "PMI_SIZE", "PMI_RANK", environment);
        // Slurm sets SLURM_STEP_NUM_TASKS only for a step. A batch script, a single process, has SLURM_NTASKS and SLURM_PROCID too.
        // A step of one task is an interactive shell in an allocation.
        if (Has("SLURM_STEP_NUM_TASKS")
            && Read("srun", Has("PMI_RANK") ? LauncherKind.SlurmPmi : LauncherKind.Slurm, "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", environment) is { WorldSize: > 1 } step)
            return step;
        if (Has("PMI_SIZE"))
            return Read("a launcher that speaks PMI", LauncherKind.Mpich, "PMI_SIZE", "PMI_RANK", environment);
        return null;
    }

    /// <summary>Advice before <c>MPI_Init</c>, which may end the process with a misleading message; null if there is none.</summary>
    /// <param name="library">The version string of the MPI library.</param>
    /// <param name="environment">Returns the value of an environment variable, or null.</param>
    public string? Advise(string library, Func<string, string?> environment) =>
        IsSlurm && IsOpenMpi(library) && environment("PMIX_RANK") is null
            ? $"{Name} has started {WorldSize} processes without PMIx, which Open MPI needs to connect them: if MPI_Init fails, start them with srun --mpi=pmix"
            : null;

    /// <summary>A hint to append to a message if the library does not find the other processes.</summary>
    /// <param name="library">The version string of the MPI library.</param>
    public string GetHint(string library) =>
        !IsSlurm ? "" : $"; srun --mpi={(IsOpenMpi(library) ? "pmix" : "pmi2")} connects it to Slurm if both were built for that (srun --mpi=list)";

    private bool IsSlurm => Kind is LauncherKind.Slurm or LauncherKind.SlurmPmi;

    private static bool IsOpenMpi(string library) => library.StartsWith("Open MPI", StringComparison.Ordinal);

    private static Launcher Read(string name, LauncherKind kind, string sizeVariable, string rankVariable, Func<string, string?> environment)
    {
        var worldSize = ReadNumber(sizeVariable);
        if (worldSize < 1)
            throw new InvalidOperationException($"{sizeVariable}, the number of processes that {name} started: expected at least 1, got {worldSize}");
        var rank = ReadNumber(rankVariable);
        if (rank >= worldSize)
            throw new InvalidOperationException($"{rankVariable}, the number of this process among those that {name} started: expected 0 to {worldSize - 1} ({sizeVariable} is {worldSize}), got {rank}");
        return new Launcher(name, kind, rank, worldSize);

        int ReadNumber(string variable) =>
            environment(variable) is { } text
                ? int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                    ? number
                    : throw new InvalidOperationException($"{variable}, which {name} sets: expected a whole number from 0, got '{text}'")
                : throw new InvalidOperationException($"{variable}, which {name} sets beside {sizeVariable}: expected a whole number, got nothing");
    }
}

/// <summary>The kind of launcher.</summary>
internal enum LauncherKind
{
    /// <summary>Open MPI's <c>mpirun</c>.</summary>
    OpenMpi,

    /// <summary>The launcher of MPICH or of a derived MPI: Intel MPI, MVAPICH, Cray MPICH.</summary>
    Mpich,

    /// <summary>The launcher of Microsoft MPI.</summary>
    MicrosoftMpi,

    /// <summary>Slurm's <c>srun</c> with PMIx, usually for Open MPI.</summary>
    Slurm,

    /// <summary>Slurm's <c>srun</c> with PMI-1 or PMI-2, usually for an MPICH.</summary>
    SlurmPmi,
}
