using System.Runtime.InteropServices;

namespace ResNet.Core.Distributed.Communication;

/// <summary>Waits between two polls.</summary>
internal static partial class Pause
{
    private const uint Microseconds = 100;

    /// <summary>Sleeps for 0.1 ms where the system supports it. <see cref="Thread.Sleep(int)"/> sleeps for at least 1 ms, longer than a small operation takes.</summary>
    public static void SleepBriefly()
    {
        if (OperatingSystem.IsWindows())
            Thread.Sleep(1);
        else
            _ = usleep(Microseconds);
    }

    [LibraryImport("libc")]
    private static partial int usleep(uint microseconds);
}
