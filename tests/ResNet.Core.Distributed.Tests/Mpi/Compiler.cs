namespace ResNet.Core.Distributed.Tests.Mpi;

/// <summary>An MPI's C compiler, under the name that Debian gives it.</summary>
internal static class Compiler
{
    public static ChildResult Run(MpiKind mpi, params string[] arguments) => Child.Run(TimeSpan.FromSeconds(60), GetName(mpi), arguments);

    /// <summary>Why it cannot be used, or null. It can be installed without MPI's headers.</summary>
    public static string? FindMissingReason(MpiKind mpi)
    {
        var folders = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        return folders.Any(folder => File.Exists(Path.Combine(folder, GetName(mpi)))) && Run(mpi, "-E", "-include", "mpi.h", "-x", "c", "/dev/null").Code == 0
            ? null
            : $"{GetName(mpi)} is not installed, or finds no mpi.h: apt-get install gcc {(mpi == MpiKind.OpenMpi ? "libopenmpi-dev" : "libmpich-dev")}";
    }

    private static string GetName(MpiKind mpi) => mpi == MpiKind.OpenMpi ? "mpicc.openmpi" : "mpicc.mpich";
}
