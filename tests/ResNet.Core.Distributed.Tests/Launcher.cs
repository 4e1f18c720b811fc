using System.Collections.Concurrent;

namespace ResNet.Core.Distributed.Tests;

/// <summary>What starts the ranks.</summary>
internal static class Launcher
{
    private static readonly ConcurrentDictionary<Mpi, string?> found = [];

    /// <summary>Its path, or null where there is none.</summary>
    public static string? Find(Mpi mpi) => found.GetOrAdd(mpi, Search);

    public static string MissingReason(Mpi mpi) => mpi == Mpi.OpenMpi
        ? "There is no mpirun of Open MPI: apt-get install openmpi-bin libopenmpi3"
        : "There is no mpirun of MPICH: apt-get install mpich";

    /// <summary>What each of them takes beside the program.</summary>
    public static IEnumerable<string> Arguments(Mpi mpi, int ranks) => mpi == Mpi.OpenMpi
        ? ["-np", $"{ranks}", "--oversubscribe", "--bind-to", "none"]
        : ["-np", $"{ranks}"];

    /// <summary>The names of Debian, where both can be installed, and of everywhere else.</summary>
    private static string? Search(Mpi mpi)
    {
        string[] names = [mpi == Mpi.OpenMpi ? "mpirun.openmpi" : "mpirun.mpich", "mpirun", "mpiexec"];
        var folders = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        return (from name in names from folder in folders select Path.Combine(folder, name)).FirstOrDefault(path => File.Exists(path) && Is(mpi, path));
    }

    private static bool Is(Mpi mpi, string path)
    {
        var version = Child.Run(TimeSpan.FromSeconds(20), path, "--version").Output;
        return version.Contains(mpi == Mpi.OpenMpi ? "Open MPI" : "HYDRA", StringComparison.OrdinalIgnoreCase);
    }
}
