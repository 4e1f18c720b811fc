namespace ResNet.Tests;

/// <summary>The checkout that these tests were built from. Tests only read it. They must not build in it, because the current run may be doing so.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "ResNet.sln")))
                return folder.FullName;
        throw new InvalidOperationException($"No ResNet.sln above {AppContext.BaseDirectory}.");
    }
}
