using System.Runtime.InteropServices;

namespace ResNet.Core.Distributed.Communication;

/// <summary>Waits between two looks at what goes on.</summary>
internal static partial class Pause
{
    private const uint Microseconds = 100;

    /// <summary>A tenth of a millisecond, where the system can: <see cref="Thread.Sleep(int)"/> knows whole ones, in which a small operation is long done.</summary>
    public static void Briefly()
    {
        if (OperatingSystem.IsWindows())
            Thread.Sleep(1);
        else
            _ = usleep(Microseconds);
    }

    [LibraryImport("libc")]
    private static partial int usleep(uint microseconds);
}
