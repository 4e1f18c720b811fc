namespace ResNet.Core.Distributed.Tests.Mpi;

public class BindingTests
{
    [ProgramFact("openmpi-bin", "mpirun.openmpi")]
    public void Two_ranks_call_every_function_of_Open_MPI() => Run("openmpi", "Open MPI");

    [ProgramFact("mpich", "mpirun.mpich")]
    public void Two_ranks_call_every_function_of_MPICH() => Run("mpich", "MPICH");

    [ProgramFact("libopenmpi-dev gcc", "mpirun.openmpi", "mpicc.openmpi")]
    public void Two_ranks_call_every_function_of_the_standard_ABI_on_Open_MPI() => RunOnShim("openmpi");

    [ProgramFact("libmpich-dev gcc", "mpirun.mpich", "mpicc.mpich")]
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

/// <summary>A test that starts programs which the system may have; skipped where it has not.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ProgramFactAttribute : FactAttribute
{
    /// <param name="packages">Debian's packages that bring them.</param>
    /// <param name="programs">Their names.</param>
    public ProgramFactAttribute(string packages, params string[] programs)
    {
        if (programs.FirstOrDefault(program => !Mpirun.IsThere(program)) is { } missing)
            Skip = $"{missing} is not there: apt-get install {packages}";
    }
}
