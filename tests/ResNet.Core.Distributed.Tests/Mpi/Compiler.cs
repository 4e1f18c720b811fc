namespace ResNet.Core.Distributed.Tests.Mpi;

/// <summary>What compiles C for an MPI, by Debian's names.</summary>
internal static class Compiler
{
    public static ChildResult Run(MpiKind mpi, params string[] arguments) => Child.Run(TimeSpan.FromSeconds(60), NameOf(mpi), arguments);

    /// <summary>Why it cannot be used, or null. It may be there without MPI's headers.</summary>
    public static string? FindReason(MpiKind mpi)
    {
        var folders = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        return folders.Any(folder => File.Exists(Path.Combine(folder, NameOf(mpi)))) && Run(mpi, "-E", "-include", "mpi.h", "-x", "c", "/dev/null").Code == 0
            ? null
            : $"{NameOf(mpi)} is not there, or finds no mpi.h: apt-get install gcc {(mpi == MpiKind.OpenMpi ? "libopenmpi-dev" : "libmpich-dev")}";
    }

    private static string NameOf(MpiKind mpi) => mpi == MpiKind.OpenMpi ? "mpicc.openmpi" : "mpicc.mpich";
}
