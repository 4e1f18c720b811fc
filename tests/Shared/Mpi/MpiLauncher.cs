using System.Collections.Concurrent;

namespace ResNet.Tests;

/// <summary>The <c>mpirun</c> that starts the ranks.</summary>
internal static class MpiLauncher
{
    private static readonly ConcurrentDictionary<MpiKind, string?> found = [];

    /// <summary>Returns the path of the launcher, or null if it is not installed.</summary>
    public static string? Find(MpiKind mpi) => found.GetOrAdd(mpi, Search);

    public static string MissingReason(MpiKind mpi) => mpi == MpiKind.OpenMpi
        ? "There is no mpirun of Open MPI: apt-get install openmpi-bin libopenmpi3"
        : "There is no mpirun of MPICH: apt-get install mpich";

    /// <summary>The variables that ranks get in addition to the tests' own environment.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>
    {
        // Ranks share few cores. Several threads each would mostly wait for each other, and would sum in another order.
        ["OMP_NUM_THREADS"] = "1",
        // Open MPI gives ranks a terminal. .NET sends a control sequence to it unless it is a dumb one.
        ["TERM"] = "dumb",
        // Otherwise Open MPI refuses to run as root, the usual user of a container.
        ["OMPI_ALLOW_RUN_AS_ROOT"] = "1",
        ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1",
    };

    /// <summary>The launcher's own arguments, which come before the program.</summary>
    public static IEnumerable<string> Arguments(MpiKind mpi, int ranks) => mpi == MpiKind.OpenMpi
        ? ["-np", $"{ranks}", "--oversubscribe", "--bind-to", "none"]
        : ["-np", $"{ranks}"];

    /// <summary>Tries the names on Debian, where both can be installed, and then the usual ones.</summary>
    private static string? Search(MpiKind mpi)
    {
        string[] names = [mpi == MpiKind.OpenMpi ? "mpirun.openmpi" : "mpirun.mpich", "mpirun", "mpiexec"];
        var folders = System.Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        return (from name in names from folder in folders select Path.Combine(folder, name)).FirstOrDefault(path => File.Exists(path) && IsLauncherOf(mpi, path));
    }

    private static bool IsLauncherOf(MpiKind mpi, string path)
    {
        var version = Child.Run(TimeSpan.FromSeconds(20), path, "--version").Output;
        return version.Contains(mpi == MpiKind.OpenMpi ? "Open MPI" : "HYDRA", StringComparison.OrdinalIgnoreCase);
    }
}
