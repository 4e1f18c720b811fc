namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>A row for a launcher whose ranks load the library of the other MPI.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class UnderTheOtherAttribute : UnderAttribute
{
    public UnderTheOtherAttribute(MpiKind mpi)
        : base(mpi)
    {
        if (OtherLibrary(mpi) is null)
            Skip ??= "The library of the other MPI is not where Debian has it.";
    }

    /// <summary>Debian's file of the MPI that is not the launcher's.</summary>
    public static string? OtherLibrary(MpiKind launcher)
    {
        var name = launcher == MpiKind.OpenMpi ? "libmpich.so.12" : "libmpi.so.40";
        return Directory.Exists("/usr/lib")
            ? Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu").Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            : null;
    }
}
