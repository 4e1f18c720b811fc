using System.Globalization;

namespace ResNet.Core.Distributed.Mpi;

/// <summary>What started this process as one of several.</summary>
/// <param name="Name">As messages name it.</param>
/// <param name="Kind">Whose it is, which tells which MPI it can start.</param>
/// <param name="Rank">This process's number, from 0, as the launcher has it.</param>
/// <param name="WorldSize">How many processes the launcher started.</param>
internal sealed record Launcher(string Name, LauncherKind Kind, int Rank, int WorldSize)
{
    /// <summary>Finds out who started this process.</summary>
    /// <param name="environment">The value of an environment variable, or null.</param>
    /// <returns>Null where it was started by itself.</returns>
    /// <exception cref="InvalidOperationException">A launcher's variable is missing, no number, or out of its range.</exception>
    public static Launcher? Find(Func<string, string?> environment)
    {
        bool Has(string variable) => environment(variable) is not null;

        // From the nearest to the farthest: within Slurm's allocation, mpirun's processes inherit Slurm's variables.
        if (Has("OMPI_COMM_WORLD_SIZE"))
            return Read("Open MPI's mpirun", LauncherKind.OpenMpi, "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", environment);
        if (Has("MV2_COMM_WORLD_SIZE"))
            return Read("MVAPICH's mpirun", LauncherKind.Mpich, "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", environment);
        if (Has("PMI_SIZE") && Has("PMI_SMPD_KEY"))
            return Read("MS-MPI's mpiexec", LauncherKind.MicrosoftMpi, "PMI_SIZE", "PMI_RANK", environment);
        // Hydra's variables alone, beside PMI's that others set as well.
        if (Has("PMI_SIZE") && Has("MPI_LOCALRANKID"))
            return Read("Hydra's mpiexec", LauncherKind.Mpich, "PMI_SIZE", "PMI_RANK", environment);
        // Slurm sets this one for a step alone: a batch script has SLURM_NTASKS and SLURM_PROCID as well, and is one process.
        // A step of one task is what an interactive shell in an allocation is.
        if (Has("SLURM_STEP_NUM_TASKS")
            && Read("srun", Has("PMI_RANK") ? LauncherKind.SlurmPmi : LauncherKind.Slurm, "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", environment) is { WorldSize: > 1 } step)
            return step;
        if (Has("PMI_SIZE"))
            return Read("a launcher that speaks PMI", LauncherKind.Mpich, "PMI_SIZE", "PMI_RANK", environment);
        return null;
    }

    /// <summary>What to say before a call of <c>MPI_Init</c> that may end the process with misleading words of its own; or null.</summary>
    /// <param name="library">What the MPI library says of itself.</param>
    /// <param name="environment">The value of an environment variable, or null.</param>
    public string? Advise(string library, Func<string, string?> environment) =>
        IsSlurm && IsOpenMpi(library) && environment("PMIX_RANK") is null
            ? $"{Name} has started {WorldSize} processes without PMIx, by which Open MPI finds them: if MPI_Init fails, start them by srun --mpi=pmix"
            : null;

    /// <summary>What may help where the library does not find the other processes, to be put behind a sentence.</summary>
    /// <param name="library">What the MPI library says of itself.</param>
    public string HintFor(string library) =>
        !IsSlurm ? "" : $"; srun --mpi={(IsOpenMpi(library) ? "pmix" : "pmi2")} connects it to Slurm, as far as both were built for that (srun --mpi=list)";

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

/// <summary>Whose launcher it is.</summary>
internal enum LauncherKind
{
    /// <summary>Open MPI's <c>mpirun</c>.</summary>
    OpenMpi,

    /// <summary>That of MPICH or of an MPI derived from it: Intel MPI, MVAPICH, Cray MPICH.</summary>
    Mpich,

    /// <summary>That of Microsoft MPI.</summary>
    MicrosoftMpi,

    /// <summary>Slurm's <c>srun</c>, by PMIx: as a rule Open MPI.</summary>
    Slurm,

    /// <summary>Slurm's <c>srun</c>, by PMI-1 or PMI-2: as a rule an MPICH.</summary>
    SlurmPmi,
}
