using System.Runtime.InteropServices;
using System.Text;

namespace ResNet.Core.Distributed.Mpi;

/// <summary>A loaded MPI library.</summary>
internal sealed unsafe partial class MpiLibrary
{
    /// <summary>The environment variable with the name or path of the library to load instead of the default ones.</summary>
    public const string Variable = "RESNET_MPI_LIBRARY";

    private readonly nint _handle;

    private MpiLibrary(string name, nint handle)
    {
        (Name, _handle) = (name, handle);
        if (!NativeLibrary.TryGetExport(handle, "MPI_Get_library_version", out _))
            throw new DllNotFoundException($"expected an MPI library, got {name}, which has no MPI_Get_library_version");
        Version = ReadVersion();
        Abi = FindAbi();
    }

    /// <summary>The name under which the library was loaded.</summary>
    public string Name { get; }

    /// <summary>The version string of the library, in one line.</summary>
    public string Version { get; }

    /// <summary>The constants of the library.</summary>
    public MpiAbi Abi { get; }

    /// <summary>Loads the library that matches a launcher.</summary>
    /// <param name="launcher">The launcher of this process.</param>
    /// <param name="environment">Returns the value of an environment variable, or null.</param>
    /// <exception cref="DllNotFoundException">No library was found, or its ABI is unknown.</exception>
    public static MpiLibrary Load(Launcher launcher, Func<string, string?> environment) => Load(launcher, environment, ListNames(launcher.Kind));

    /// <inheritdoc cref="Load(Launcher, Func{string, string?})"/>
    /// <param name="launcher">The launcher of this process.</param>
    /// <param name="environment">Returns the value of an environment variable, or null.</param>
    /// <param name="names">The possible names of the library, the likeliest first.</param>
    public static MpiLibrary Load(Launcher launcher, Func<string, string?> environment, IReadOnlyList<string> names)
    {
        Configure(environment);
        if (environment(Variable) is { Length: > 0 } chosen)
            return TryLoad(chosen, out var reason) ?? throw new DllNotFoundException($"{Variable} is '{chosen}', but that library cannot be loaded: {reason}");
        var reasons = new List<string>();
        foreach (var name in names)
        {
            if (TryLoad(name, out var reason) is { } library)
                return library;
            reasons.Add($"{name} ({reason})");
        }
        throw new DllNotFoundException(
            $"{launcher.Name} started this process as rank {launcher.Rank} of {launcher.WorldSize}, but no matching MPI library was found. "
            + $"Tried: {string.Join(", ", reasons)}. {Advise(launcher.Kind)}, or name a library, or its path, in {Variable}.");
    }

    /// <returns>The address of a function or variable.</returns>
    /// <exception cref="EntryPointNotFoundException">The library has no such symbol.</exception>
    public nint Find(string symbol) =>
        NativeLibrary.TryGetExport(_handle, symbol, out var address)
            ? address
            : throw new EntryPointNotFoundException($"expected {symbol} in the MPI library {Name} ({Version}), which lacks it");

    /// <summary>Lists the names of the libraries that match a launcher, the likeliest first.</summary>
    public static IReadOnlyList<string> ListNames(LauncherKind kind)
    {
        if (OperatingSystem.IsWindows())
            return kind == LauncherKind.MicrosoftMpi ? ["msmpi.dll"] : ["impi.dll", "msmpi.dll", "mpi_abi.dll"];
        // The number in a name is the ABI version: 40 is Open MPI's since 4.0, 12 is MPICH's since 3.1, 1 is the standard's.
        string[] openMpi = ["mpi.40"], mpich = ["mpich.12", "mpi.12"], standard = ["mpi_abi.1"];
        string[] names = kind switch
        {
            LauncherKind.OpenMpi => [.. openMpi, .. standard],
            LauncherKind.Slurm => [.. openMpi, .. mpich, .. standard],
            LauncherKind.SlurmPmi => [.. mpich, .. openMpi, .. standard],
            _ => [.. mpich, .. standard],
        };
        if (OperatingSystem.IsMacOS())
            // The system does not search Homebrew's folder on Apple silicon.
            return [.. names.SelectMany(name => new[] { $"lib{name}.dylib", $"/opt/homebrew/lib/lib{name}.dylib" })];
        return [.. names.Select(name => name.Split('.')).Select(parts => $"lib{parts[0]}.so.{parts[1]}")];
    }

    private static MpiLibrary? TryLoad(string name, out string reason)
    {
        try
        {
            reason = "";
            // Symbols stay local to the library. Since version 3, Open MPI's plugins do not need global ones.
            return new MpiLibrary(name, NativeLibrary.Load(name));
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            // The loader's own message is the last line.
            reason = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1];
            return null;
        }
    }

    /// <summary>Sets defaults for libraries that read the environment when they are loaded. Values of the user take precedence.</summary>
    private static void Configure(Func<string, string?> environment)
    {
        // UCX, which MPICH may use, takes over SIGSEGV. .NET needs that signal for NullReferenceException, so the first one would end the process.
        // Open MPI only handles the signal if there is no handler yet.
        Set("UCX_ERROR_SIGNALS", "");
        // UCX also takes over SIGHUP, which then no longer ends the process.
        Set("UCX_DEBUG_SIGNO", "0");
        // Rabenseifner's algorithm. For in-place reductions, Open MPI's default sends everything to one rank and back, which takes twice as long, even with
        // two ranks.
        Set("OMPI_MCA_coll_libnbc_iallreduce_algorithm", "3");

        // Through libc, since Environment.SetEnvironmentVariable does not affect native code.
        void Set(string variable, string value)
        {
            if (OperatingSystem.IsWindows() || environment(variable) is not null)
                return;
            if (setenv(variable, value, 1) != 0)
                throw new InvalidOperationException($"libc could not set {variable} in the environment (error {Marshal.GetLastPInvokeError()})");
        }
    }

    private static string Advise(LauncherKind kind)
    {
        if (OperatingSystem.IsWindows())
            return "Install Microsoft MPI (msmpisetup.exe)";
        var (openMpi, mpich) = OperatingSystem.IsMacOS() ? ("brew install open-mpi", "brew install mpich") : ("apt-get install libopenmpi3", "apt-get install mpich");
        return kind switch
        {
            LauncherKind.OpenMpi => $"Install it ({openMpi}) or add its folder to the library path (module load)",
            LauncherKind.Mpich or LauncherKind.MicrosoftMpi => $"Install it ({mpich}) or add its folder to the library path (module load)",
            _ => $"Install one ({openMpi}, or {mpich}) or add its folder to the library path (module load)",
        };
    }

    // MPI_Get_library_version and MPI_Abi_get_version may be called before MPI_Init.
    private string ReadVersion()
    {
        var text = stackalloc byte[MpiAbi.MaxLibraryVersionString];
        int length;
        var code = ((delegate* unmanaged[Cdecl]<byte*, int*, int>)Find("MPI_Get_library_version"))(text, &length);
        if (code != 0)
            throw new MpiException("MPI_Get_library_version", $"{Name} cannot tell its version", code);
        // MPICH appends a page about its build.
        return Encoding.UTF8.GetString(text, Math.Clamp(length, 0, MpiAbi.MaxLibraryVersionString)).Split('\n', '\0')[0].Replace('\t', ' ').Trim();
    }

    private MpiAbi FindAbi()
    {
        // First, since a standard-ABI library can be a layer above Open MPI, whose symbols are then found as well. In a library with its own ABI, this
        // function returns -1.
        if (NativeLibrary.TryGetExport(_handle, "MPI_Abi_get_version", out var function))
        {
            int major, minor;
            if (((delegate* unmanaged[Cdecl]<int*, int*, int>)function)(&major, &minor) == 0 && major >= 0)
                return major == 1 ? MpiAbi.Standard : throw new DllNotFoundException($"expected version 1 of MPI's standard ABI, got {Name} with version {major}.{minor} ({Version})");
        }
        if (NativeLibrary.TryGetExport(_handle, "ompi_mpi_comm_world", out _))
            return MpiAbi.CreateOpenMpi(Find);
        if (Version.StartsWith("Microsoft MPI", StringComparison.Ordinal))
            return MpiAbi.MicrosoftMpi;
        if (Version.Contains("MPICH", StringComparison.Ordinal) || Version.Contains("MVAPICH", StringComparison.Ordinal) || Version.Contains("Intel(R) MPI", StringComparison.Ordinal))
            return MpiAbi.Mpich;
        throw new DllNotFoundException($"expected Open MPI, MPICH, Intel MPI, MVAPICH, Microsoft MPI or MPI's standard ABI, got {Name}, which calls itself '{Version}'");
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int setenv(string name, string value, int overwrite);
}
