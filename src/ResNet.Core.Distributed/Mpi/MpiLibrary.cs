using System.Runtime.InteropServices;
using System.Text;

namespace ResNet.Core.Distributed.Mpi;

/// <summary>An MPI library in this process.</summary>
internal sealed unsafe partial class MpiLibrary
{
    /// <summary>The environment variable that names the library, or its path, in place of the ones that are looked for.</summary>
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

    /// <summary>By which it was loaded.</summary>
    public string Name { get; }

    /// <summary>What it says of itself, in one line.</summary>
    public string Version { get; }

    /// <summary>Its constants.</summary>
    public MpiAbi Abi { get; }

    /// <summary>Loads the library that fits a launcher.</summary>
    /// <param name="launcher">Who started this process.</param>
    /// <param name="environment">The value of an environment variable, or null.</param>
    /// <exception cref="DllNotFoundException">There is none, or it is of an ABI that is not known.</exception>
    public static MpiLibrary Load(Launcher launcher, Func<string, string?> environment) => Load(launcher, environment, ListNames(launcher.Kind));

    /// <inheritdoc cref="Load(Launcher, Func{string, string?})"/>
    /// <param name="launcher">Who started this process.</param>
    /// <param name="environment">The value of an environment variable, or null.</param>
    /// <param name="names">Under which it may be known, the likeliest first.</param>
    public static MpiLibrary Load(Launcher launcher, Func<string, string?> environment, IReadOnlyList<string> names)
    {
        Configure(environment);
        if (environment(Variable) is { Length: > 0 } chosen)
            return TryLoad(chosen, out var reason) ?? throw new DllNotFoundException($"{Variable} is '{chosen}', and that library cannot be loaded: {reason}");
        var reasons = new List<string>();
        foreach (var name in names)
        {
            if (TryLoad(name, out var reason) is { } library)
                return library;
            reasons.Add($"{name} ({reason})");
        }
        throw new DllNotFoundException(
            $"{launcher.Name} started this process as rank {launcher.Rank} of {launcher.WorldSize}, but no MPI library was found that fits it. "
            + $"Tried: {string.Join(", ", reasons)}. {Advise(launcher.Kind)}, or name a library, or its path, in {Variable}.");
    }

    /// <returns>The address of a function or of a variable.</returns>
    /// <exception cref="EntryPointNotFoundException">It has none of that name.</exception>
    public nint Find(string symbol) =>
        NativeLibrary.TryGetExport(_handle, symbol, out var address)
            ? address
            : throw new EntryPointNotFoundException($"expected {symbol} in the MPI library {Name} ({Version}), which lacks it");

    /// <summary>The names under which the libraries that fit a launcher are known, the likeliest first.</summary>
    public static IReadOnlyList<string> ListNames(LauncherKind kind)
    {
        if (OperatingSystem.IsWindows())
            return kind == LauncherKind.MicrosoftMpi ? ["msmpi.dll"] : ["impi.dll", "msmpi.dll", "mpi_abi.dll"];
        // The number in a name is that of an ABI: 40 is Open MPI's since version 4, 12 is MPICH's since 3.1, 1 the standard's.
        string[] openMpi = ["mpi.40"], mpich = ["mpich.12", "mpi.12"], standard = ["mpi_abi.1"];
        string[] names = kind switch
        {
            LauncherKind.OpenMpi => [.. openMpi, .. standard],
            LauncherKind.Slurm => [.. openMpi, .. mpich, .. standard],
            LauncherKind.SlurmPmi => [.. mpich, .. openMpi, .. standard],
            _ => [.. mpich, .. standard],
        };
        if (OperatingSystem.IsMacOS())
            // Homebrew's folder on Apple silicon is not among those that the system searches.
            return [.. names.SelectMany(name => new[] { $"lib{name}.dylib", $"/opt/homebrew/lib/lib{name}.dylib" })];
        return [.. names.Select(name => name.Split('.')).Select(parts => $"lib{parts[0]}.so.{parts[1]}")];
    }

    private static MpiLibrary? TryLoad(string name, out string reason)
    {
        try
        {
            reason = "";
            // Symbols stay local to the library. Open MPI's plugins have found it by themselves since version 3.
            return new MpiLibrary(name, NativeLibrary.Load(name));
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            // The loader's own words are the last line of a paragraph.
            reason = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1];
            return null;
        }
    }

    /// <summary>Gives libraries their settings, unless the user has. They read them when they are loaded.</summary>
    private static void Configure(Func<string, string?> environment)
    {
        // UCX, on which MPICH may be built, takes over SIGSEGV, from which .NET makes its NullReferenceException; the process then ends at
        // the first one. Open MPI asks for that signal as well, but leaves it where there is a handler already.
        Set("UCX_ERROR_SIGNALS", "");
        // And SIGHUP, which then ends nothing any more.
        Set("UCX_DEBUG_SIGNO", "0");
        // Rabenseifner's algorithm. In place, Open MPI's own choice sends everything to one rank and back, which takes twice the time from
        // two ranks on.
        Set("OMPI_MCA_coll_libnbc_iallreduce_algorithm", "3");

        // Through libc, because Environment.SetEnvironmentVariable does not reach native code.
        void Set(string variable, string value)
        {
            if (OperatingSystem.IsWindows() || environment(variable) is not null)
                return;
            if (setenv(variable, value, 1) != 0)
                throw new InvalidOperationException($"libc did not take {variable} into the environment (error {Marshal.GetLastPInvokeError()})");
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

    // May be called before MPI_Init, as may MPI_Abi_get_version.
    private string ReadVersion()
    {
        var text = stackalloc byte[MpiAbi.MaxLibraryVersionString];
        int length;
        var code = ((delegate* unmanaged[Cdecl]<byte*, int*, int>)Find("MPI_Get_library_version"))(text, &length);
        if (code != 0)
            throw new MpiException("MPI_Get_library_version", $"{Name} cannot tell its version", code);
        // MPICH writes a page on how it was built.
        return Encoding.UTF8.GetString(text, Math.Clamp(length, 0, MpiAbi.MaxLibraryVersionString)).Split('\n', '\0')[0].Replace('\t', ' ').Trim();
    }

    private MpiAbi FindAbi()
    {
        // First, because the standard library of an Open MPI lies on top of that MPI, whose symbols are then found as well. In an MPI's
        // library of its own ABI this function says -1.
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
