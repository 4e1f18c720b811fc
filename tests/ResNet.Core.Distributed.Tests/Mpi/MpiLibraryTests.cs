using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Tests.Mpi;

public class MpiLibraryTests
{
    [LibraryFact("libmpi.so.40", "libopenmpi3")]
    public void Open_MPI_is_loaded_for_its_launcher() => LoadFor(LauncherKind.OpenMpi, "libmpi.so.40", "Open MPI", "Open MPI v");

    [LibraryFact("libmpich.so.12", "mpich")]
    public void MPICH_is_loaded_for_its_launcher() => LoadFor(LauncherKind.Mpich, "libmpich.so.12", "MPICH", "MPICH Version: ");

    [LibraryFact("libmpich.so.12", "mpich")]
    public void RESNET_MPI_LIBRARY_overrides_the_launcher()
    {
        var library = Load(LauncherKind.OpenMpi, "libmpich.so.12");

        Assert.Equal("libmpich.so.12", library.Name);
        Assert.Same(MpiAbi.Mpich, library.Abi);
    }

    [UnixFact]
    public void A_missing_library_gives_an_error_that_says_what_to_do()
    {
        string[] names = ["libno-mpi.so.1", "libno-mpi.so.2"];
        var e = Assert.Throws<DllNotFoundException>(() => MpiLibrary.Load(new Launcher("a test", LauncherKind.OpenMpi, 1, 2), _ => null, names));

        Assert.Contains("a test started this process as rank 1 of 2", e.Message, StringComparison.Ordinal);
        Assert.All(names, name => Assert.Contains(name, e.Message, StringComparison.Ordinal));
        Assert.Contains("Install it (", e.Message, StringComparison.Ordinal);
        Assert.Contains("RESNET_MPI_LIBRARY", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_library_that_cannot_be_loaded_is_named_in_the_error()
    {
        var e = Assert.Throws<DllNotFoundException>(() => Load(LauncherKind.OpenMpi, "/nowhere/libmpi.so.40"));

        Assert.StartsWith("RESNET_MPI_LIBRARY is '/nowhere/libmpi.so.40'", e.Message, StringComparison.Ordinal);
    }

    [LibraryFact("libm.so.6", "libc6")]
    public void A_library_other_than_MPI_is_refused()
    {
        var e = Assert.Throws<DllNotFoundException>(() => Load(LauncherKind.OpenMpi, "libm.so.6"));

        Assert.Contains("expected an MPI library, got libm.so.6", e.Message, StringComparison.Ordinal);
    }

    private static void LoadFor(LauncherKind kind, string name, string abi, string version)
    {
        var library = Load(kind, null);

        Assert.Equal((name, abi), (library.Name, library.Abi.Name));
        Assert.StartsWith(version, library.Version, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', library.Version);
    }

    private static MpiLibrary Load(LauncherKind kind, string? chosen) =>
        MpiLibrary.Load(new Launcher("a test", kind, 0, 1), name => name == MpiLibrary.Variable ? chosen : Environment.GetEnvironmentVariable(name));
}
