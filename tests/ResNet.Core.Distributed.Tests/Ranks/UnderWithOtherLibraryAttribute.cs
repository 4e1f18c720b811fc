namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>A row for a launcher whose ranks load the library of the other MPI.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class UnderWithOtherLibraryAttribute : UnderAttribute
{
    public UnderWithOtherLibraryAttribute(MpiKind mpi)
        : base(mpi)
    {
        if (FindOtherLibrary(mpi) is null)
            Skip ??= "The library of the other MPI is not where Debian installs it.";
    }

    /// <summary>Finds the library of the MPI that the launcher does not belong to, where Debian installs it.</summary>
    public static string? FindOtherLibrary(MpiKind launcher)
    {
        var name = launcher == MpiKind.OpenMpi ? "libmpich.so.12" : "libmpi.so.40";
        return Directory.Exists("/usr/lib")
            ? Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu").Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            : null;
    }
}
