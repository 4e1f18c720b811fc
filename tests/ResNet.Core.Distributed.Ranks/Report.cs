using System.Text;

namespace ResNet.Core.Distributed.Ranks;

/// <summary>
/// What a rank tells the tests: lines of <c>@ rank name value</c>. Each is one write, since those of all ranks come out of one
/// stream, and the console's own writer cuts lines after 256 characters.
/// </summary>
internal static class Report
{
    private static readonly Stream output = Console.OpenStandardOutput();

    public static void Value(ProcessGroup group, string name, object value) => output.Write(Encoding.UTF8.GetBytes($"@ {group.Rank} {name} {value}\n"));

    /// <summary>Launchers name a killed process by its number.</summary>
    public static void Process(ProcessGroup group) => Value(group, "pid", Environment.ProcessId);
}
