using ResNet.Core.Distributed.Tests.Ranks;

namespace ResNet.Core.Distributed.Tests.Mpi;

public class BindingTests
{
    [Theory, Under(MpiKind.OpenMpi, "Open MPI"), Under(MpiKind.Mpich, "MPICH")]
    public void Two_ranks_call_every_function_of_the_binding(MpiKind mpi, string abi) => Run(mpi, abi);

    [Theory, UnderWithCompiler(MpiKind.OpenMpi), UnderWithCompiler(MpiKind.Mpich)]
    public void Two_ranks_call_every_function_of_the_standard_ABI(MpiKind mpi)
    {
        using var folder = new TempFolder();
        var library = folder["libmpi_abi.so.1"];
        Compiler.Run(mpi, "-shared", "-fPIC", "-o", library, Path.Combine(AppContext.BaseDirectory, "Mpi", "abi_shim.c")).AssertSucceeded();

        Run(mpi, "MPI 5's standard ABI", ("RESNET_MPI_LIBRARY", library));
    }

    private static void Run(MpiKind mpi, string abi, params (string, string)[] environment)
    {
        using var program = RankProgram.Start(mpi, 2, ["binding"], environment);
        var result = program.AssertSucceeds();

        result.AssertContains($"rank 0 of 2 with {abi}");
        result.AssertContains($"rank 1 of 2 with {abi}");
    }
}
