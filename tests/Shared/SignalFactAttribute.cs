using System.Globalization;

namespace ResNet.Tests;

/// <summary>A fact about a program that gets a signal of Unix.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SignalFactAttribute : FactAttribute
{
    public SignalFactAttribute(int signal)
    {
        if (OperatingSystem.IsWindows())
            Skip = "Windows has no way to send another process a signal.";
        else if (IsIgnored(signal))
            Skip = $"Signal {signal} is ignored by the tests and so by what they start, as in a shell's background.";
    }

    private static bool IsIgnored(int signal) =>
        File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } line
        && (ulong.Parse(line.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (signal - 1) & 1) == 1;
}
