using System.Text;

namespace ResNet.Core.Distributed.Ranks;

/// <summary>
/// Reports a rank's values to the tests, in lines of <c>@ rank name value</c>. Each line is one write, since the lines of all ranks share one
/// stream and the console's own writer splits them after 256 characters.
/// </summary>
internal static class Report
{
    private static readonly Stream output = Console.OpenStandardOutput();

    public static void Write(ProcessGroup group, string name, object value) => output.Write(Encoding.UTF8.GetBytes($"@ {group.Rank} {name} {value}\n"));

    /// <summary>Reports the process id. It also tells the tests that this rank has joined.</summary>
    public static void WriteProcessId(ProcessGroup group) => Write(group, "pid", Environment.ProcessId);
}
