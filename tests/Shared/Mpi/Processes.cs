using System.Diagnostics;
using System.Globalization;

namespace ResNet.Tests;

/// <summary>Finds the processes of a launch by a marker that they inherit in their environment. Without /proc it finds nothing.</summary>
internal static class Processes
{
    public const string Marker = "RESNET_TEST_MARKER";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Asserts that no process is left of a launch that has ended, and kills the ones that are.</summary>
    public static void ExpectNone(string marker, ChildResult launcher)
    {
        // A launcher may end a moment before the last process that it has killed.
        var watch = Stopwatch.StartNew();
        List<int> left;
        while ((left = Find(marker)).Count > 0 && watch.Elapsed < Patience)
            Thread.Sleep(20);
        Kill(marker);
        Assert.True(left.Count == 0, $"{launcher.Command} ended with {launcher.Code} and left {string.Join(", ", left)}:\n{launcher.Output}");
    }

    public static void Kill(string marker)
    {
        foreach (var id in Find(marker))
        {
            try
            {
                using var process = Process.GetProcessById(id);
                process.Kill();
            }
            catch (ArgumentException)
            {
                // It has ended in the meantime.
            }
        }
    }

    /// <summary>Finds the process of one rank, and asserts that it exists.</summary>
    public static int FindRank(string marker, int rank) => Assert.Single(Find(marker, $"OMPI_COMM_WORLD_RANK={rank}", $"PMI_RANK={rank}"));

    /// <param name="marker">The marker in the environment of each process.</param>
    /// <param name="any">Variables of which a process must have at least one. If empty, all processes of the launch are found.</param>
    private static List<int> Find(string marker, params string[] any)
    {
        if (!Directory.Exists("/proc/self")) return [];
        return [.. from folder in Directory.EnumerateDirectories("/proc")
                   where int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out _)
                   let environment = ReadEnvironment(folder)
                   where environment.Contains($"{Marker}={marker}") && (any.Length == 0 || any.Any(environment.Contains))
                   select int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture)];
    }

    private static string[] ReadEnvironment(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "environ")).Split('\0');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return []; // It has ended in the meantime, or belongs to another user.
        }
    }
}
