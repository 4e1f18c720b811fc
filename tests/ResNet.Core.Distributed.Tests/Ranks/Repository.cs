namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Repository
{
    public static string Tests { get; } = Path.Combine(Find(), "tests", "ResNet.Core.Distributed.Tests");

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "ResNet.sln")))
                return folder.FullName;
        throw new InvalidOperationException($"No ResNet.sln above {AppContext.BaseDirectory}.");
    }
}
