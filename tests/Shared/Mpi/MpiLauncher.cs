using System.Collections.Concurrent;

namespace ResNet.Tests;

/// <summary>The <c>mpirun</c> that starts the ranks.</summary>
internal static class MpiLauncher
{
    private static readonly ConcurrentDictionary<MpiKind, string?> found = [];

    /// <summary>Its path, or null where there is none.</summary>
    public static string? Find(MpiKind mpi) => found.GetOrAdd(mpi, Search);

    public static string MissingReason(MpiKind mpi) => mpi == MpiKind.OpenMpi
        ? "There is no mpirun of Open MPI: apt-get install openmpi-bin libopenmpi3"
        : "There is no mpirun of MPICH: apt-get install mpich";

    /// <summary>The environment of ranks in tests, in addition to the tests' own.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>
    {
        // Ranks share few cores: several threads each would mostly wait for each other, and add up in another order.
        ["OMP_NUM_THREADS"] = "1",
        // Open MPI gives ranks a terminal, which .NET greets with a control sequence unless it cannot take any.
        ["TERM"] = "dumb",
        // Open MPI refuses root otherwise, which containers are.
        ["OMPI_ALLOW_RUN_AS_ROOT"] = "1",
        ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1",
    };

    /// <summary>The launcher's own arguments, before the program.</summary>
    public static IEnumerable<string> Arguments(MpiKind mpi, int ranks) => mpi == MpiKind.OpenMpi
        ? ["-np", $"{ranks}", "--oversubscribe", "--bind-to", "none"]
        : ["-np", $"{ranks}"];

    /// <summary>The names of Debian, where both can be installed, and of everywhere else.</summary>
    private static string? Search(MpiKind mpi)
    {
        string[] names = [mpi == MpiKind.OpenMpi ? "mpirun.openmpi" : "mpirun.mpich", "mpirun", "mpiexec"];
        var folders = System.Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        return (from name in names from folder in folders select Path.Combine(folder, name)).FirstOrDefault(path => File.Exists(path) && Is(mpi, path));
    }

    private static bool Is(MpiKind mpi, string path)
    {
        var version = Child.Run(TimeSpan.FromSeconds(20), path, "--version").Output;
        return version.Contains(mpi == MpiKind.OpenMpi ? "Open MPI" : "HYDRA", StringComparison.OrdinalIgnoreCase);
    }
}
