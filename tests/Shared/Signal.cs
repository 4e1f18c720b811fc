using System.Diagnostics;

namespace ResNet.Tests;

/// <summary>Sends a Unix signal to another process.</summary>
internal static class Signal
{
    /// <param name="name">The signal's name, without <c>SIG</c>.</param>
    /// <param name="process">The process ID.</param>
    public static void Send(string name, int process)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{process}"]);
        kill.WaitForExit();
    }
}
