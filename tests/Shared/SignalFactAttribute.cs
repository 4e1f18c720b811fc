using System.Globalization;

namespace ResNet.Tests;

/// <summary>A test that sends a Unix signal to a program.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SignalFactAttribute : FactAttribute
{
    public SignalFactAttribute(int signal)
    {
        if (OperatingSystem.IsWindows())
            Skip = "Windows has no way to send another process a signal.";
        else if (IsIgnored(signal))
            Skip = $"The tests ignore signal {signal}, as in the background of a shell, and so do the programs that they start.";
    }

    private static bool IsIgnored(int signal) =>
        File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } line
        && (ulong.Parse(line.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (signal - 1) & 1) == 1;
}
