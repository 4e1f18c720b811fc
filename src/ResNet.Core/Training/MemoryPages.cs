using System.Runtime.InteropServices;

namespace ResNet.Core;

/// <summary>How the process's memory allocator deals with the pages that tensors on the CPU leave behind.</summary>
public static unsafe class MemoryPages
{
    // Of glibc's malloc.h.
    private const int TrimThreshold = -1, MmapMax = -4;

    /// <summary>
    /// Has the C library keep the memory of freed tensors for the next ones, for the rest of the process. By default glibc gives large blocks
    /// back to the system, which hands out zeroed pages again in each training step and each prediction. Results are the same to the bit;
    /// the process stays as large as it ever was, and may become larger than without. Call it once, at the start of the program.
    /// </summary>
    /// <returns>
    /// Whether it took effect: only on Linux with glibc, and with glibc's own allocator. Elsewhere (Windows, macOS, musl, another allocator by
    /// <c>LD_PRELOAD</c>) nothing is changed.
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
