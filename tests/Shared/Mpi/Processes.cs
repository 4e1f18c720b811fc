using System.Diagnostics;
using System.Globalization;

namespace ResNet.Tests;

/// <summary>What is left of a launch, found by a marker that processes inherit in their environment. Where there is no /proc, nothing is found.</summary>
internal static class Processes
{
    public const string Marker = "RESNET_TEST_MARKER";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static void ExpectNone(string marker, ChildResult launcher)
    {
        // A launcher may end some moments before the last of those that it has killed.
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
                // It has ended since.
            }
        }
    }

    /// <summary>The process of one rank, which must be there.</summary>
    public static int FindRank(string marker, int rank) => Assert.Single(Find(marker, $"OMPI_COMM_WORLD_RANK={rank}", $"PMI_RANK={rank}"));

    /// <param name="marker">In the environment of each process.</param>
    /// <param name="any">Variables, of which each process has one at least; none for all processes.</param>
    private static List<int> Find(string marker, params string[] any)
    {
        if (!Directory.Exists("/proc/self")) return [];
        return [.. from folder in Directory.EnumerateDirectories("/proc")
                   where int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out _)
                   let environment = Environment(folder)
                   where environment.Contains($"{Marker}={marker}") && (any.Length == 0 || any.Any(environment.Contains))
                   select int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture)];
    }

    private static string[] Environment(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "environ")).Split('\0');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return []; // It has ended since, or is another user's.
        }
    }
}
