namespace ResNet.Core.Distributed.Tests.Mpi;

public class BindingTests
{
    [MpiFact("openmpi", "openmpi-bin")]
    public void Two_ranks_call_every_function_of_Open_MPI() => Run("openmpi", "Open MPI");

    [MpiFact("mpich", "mpich")]
    public void Two_ranks_call_every_function_of_MPICH() => Run("mpich", "MPICH");

    [MpiFact("openmpi", "libopenmpi-dev", compiles: true)]
    public void Two_ranks_call_every_function_of_the_standard_ABI_on_Open_MPI() => RunOnShim("openmpi");

    [MpiFact("mpich", "libmpich-dev", compiles: true)]
    public void Two_ranks_call_every_function_of_the_standard_ABI_on_MPICH() => RunOnShim("mpich");

    private static void RunOnShim(string implementation)
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var library = Path.Combine(folder.FullName, "libmpi_abi.so.1");
            var (exitCode, output) = Mpirun.Execute($"mpicc.{implementation}", ["-shared", "-fPIC", "-o", library, Path.Combine(AppContext.BaseDirectory, "Mpi", "abi_shim.c")]);
            Assert.True(exitCode == 0, output);
            Run(implementation, "MPI 5's standard ABI", ("RESNET_MPI_LIBRARY", library));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Run(string implementation, string abi, params (string, string)[] environment)
    {
        var (exitCode, output) = Mpirun.Run(implementation, 2, "binding", environment);

        Assert.True(exitCode == 0, output);
        Assert.Contains($"rank 0 of 2 with {abi}", output, StringComparison.Ordinal);
        Assert.Contains($"rank 1 of 2 with {abi}", output, StringComparison.Ordinal);
    }
}

/// <summary>A test of an MPI that the system may have; skipped where it has not.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MpiFactAttribute : FactAttribute
{
    /// <param name="implementation">As Debian tells several MPIs apart: openmpi or mpich.</param>
    /// <param name="package">Debian's package that brings it.</param>
    /// <param name="compiles">Whether programs are compiled for it: its compiler may be there without its headers.</param>
    public MpiFactAttribute(string implementation, string package, bool compiles = false)
    {
        var (launcher, compiler) = ($"mpirun.{implementation}", $"mpicc.{implementation}");
        if (!Mpirun.IsThere(launcher))
            Skip = $"{launcher} is not there: apt-get install {package}";
        else if (compiles && (!Mpirun.IsThere(compiler) || Mpirun.Execute(compiler, ["-E", "-include", "mpi.h", "-x", "c", "/dev/null"]).ExitCode != 0))
            Skip = $"{compiler} finds no mpi.h: apt-get install {package}";
    }
}
