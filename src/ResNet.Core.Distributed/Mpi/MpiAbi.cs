namespace ResNet.Core.Distributed.Mpi;

/// <summary>
/// The constants of an MPI's <c>mpi.h</c>, which a program needs if it is not compiled against it. Depending on the ABI, a handle is an address or an integer;
/// here it is always a <see cref="nint"/>.
/// </summary>
internal sealed record MpiAbi
{
    /// <summary>The maximum number of bytes that <c>MPI_Get_library_version</c> writes in any ABI.</summary>
    public const int MaxLibraryVersionString = 8192;

    /// <summary>The maximum number of bytes that <c>MPI_Error_string</c> writes in any ABI.</summary>
    public const int MaxErrorString = 512;

    /// <summary>The name for messages.</summary>
    public required string Name { get; init; }

    public required nint CommWorld { get; init; }
    public required nint Byte { get; init; }
    public required nint Int32 { get; init; }
    public required nint Int64 { get; init; }
    public required nint Float { get; init; }
    public required nint Double { get; init; }
    public required nint Sum { get; init; }
    public required nint Product { get; init; }
    public required nint Min { get; init; }
    public required nint Max { get; init; }
    public required nint InPlace { get; init; }
    public required nint StatusIgnore { get; init; }
    public required nint RequestNull { get; init; }
    public required nint ErrorsReturn { get; init; }
    public required nint InfoNull { get; init; }
    public required int CommTypeShared { get; init; }
    public required int AnySource { get; init; }
    public required int ThreadFunneled { get; init; }

    /// <summary>MPICH since 3.1 and the MPIs with its ABI: Intel MPI, MVAPICH, Cray MPICH.</summary>
    public static MpiAbi Mpich { get; } = new()
    {
        Name = "MPICH",
        CommWorld = 0x44000000,
        Byte = 0x4c00010d,
        Int32 = 0x4c000439,
        Int64 = 0x4c00083a,
        Float = 0x4c00040a,
        Double = 0x4c00080b,
        Sum = 0x58000003,
        Product = 0x58000004,
        Min = 0x58000002,
        Max = 0x58000001,
        InPlace = -1,
        StatusIgnore = 1,
        RequestNull = 0x2c000000,
        ErrorsReturn = 0x54000001,
        InfoNull = 0x1c000000,
        CommTypeShared = 1,
        AnySource = -2,
        ThreadFunneled = 1,
    };

    /// <summary>Microsoft MPI, derived from an older MPICH with other numbers for fixed-width types.</summary>
    public static MpiAbi MicrosoftMpi { get; } = Mpich with
    {
        Name = "Microsoft MPI",
        Int32 = 0x4c000435,
        Int64 = 0x4c000836,
    };

    /// <summary>The standard ABI of MPI 5.</summary>
    public static MpiAbi Standard { get; } = new()
    {
        Name = "MPI 5's standard ABI",
        CommWorld = 0x101,
        Byte = 0x247,
        Int32 = 0x250,
        Int64 = 0x258,
        Float = 0x210,
        Double = 0x214,
        Sum = 0x21,
        Product = 0x24,
        Min = 0x22,
        Max = 0x23,
        InPlace = 1,
        StatusIgnore = 0,
        RequestNull = 0x180,
        ErrorsReturn = 0x143,
        InfoNull = 0x130,
        CommTypeShared = 221,
        AnySource = -1,
        ThreadFunneled = 1024,
    };

    /// <summary>Open MPI, whose handles are the addresses of objects in the library.</summary>
    /// <param name="addressOf">Returns the address of a symbol of the library.</param>
    public static MpiAbi CreateOpenMpi(Func<string, nint> addressOf) => new()
    {
        Name = "Open MPI",
        CommWorld = addressOf("ompi_mpi_comm_world"),
        Byte = addressOf("ompi_mpi_byte"),
        Int32 = addressOf("ompi_mpi_int32_t"),
        Int64 = addressOf("ompi_mpi_int64_t"),
        Float = addressOf("ompi_mpi_float"),
        Double = addressOf("ompi_mpi_double"),
        Sum = addressOf("ompi_mpi_op_sum"),
        Product = addressOf("ompi_mpi_op_prod"),
        Min = addressOf("ompi_mpi_op_min"),
        Max = addressOf("ompi_mpi_op_max"),
        InPlace = 1,
        StatusIgnore = 0,
        RequestNull = addressOf("ompi_request_null"),
        ErrorsReturn = addressOf("ompi_mpi_errors_return"),
        InfoNull = addressOf("ompi_mpi_info_null"),
        CommTypeShared = 0,
        AnySource = -1,
        ThreadFunneled = 1,
    };
}
