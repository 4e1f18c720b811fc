using System.Runtime.InteropServices;

namespace ResNet.Core;

/// <summary>Controls whether the process's memory allocator keeps the pages of freed CPU tensors.</summary>
public static unsafe class MemoryPages
{
    // From glibc's malloc.h
    private const int TrimThreshold = -1, MmapMax = -4;

    /// <summary>
    /// Makes the C library keep the memory of freed tensors for reuse, for the rest of the process. By default glibc returns large blocks to the system, which
    /// then hands out zeroed pages again in every training step and prediction. Results are bit-identical. The process never shrinks, and may become larger than
    /// without. Call this method once, at the start of the program.
    /// </summary>
    /// <returns>
    /// Whether it took effect. It does only on Linux with glibc's own allocator; with Windows, macOS, musl or another allocator in <c>LD_PRELOAD</c>, nothing
    /// changes.
    /// </returns>
    public static bool Keep()
    {
        if (!OperatingSystem.IsLinux()
            || !NativeLibrary.TryLoad("libc.so.6", out var libc)
            || !NativeLibrary.TryGetExport(libc, "gnu_get_libc_version", out _)
            || NativeLibrary.GetExport(libc, "malloc") != NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), "malloc"))
            return false;
        var mallopt = (delegate* unmanaged<int, int, int>)NativeLibrary.GetExport(libc, "mallopt");
        return mallopt(MmapMax, 0) != 0 && mallopt(TrimThreshold, -1) != 0;
    }
}
