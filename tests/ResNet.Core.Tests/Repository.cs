namespace ResNet.Core.Tests;

/// <summary>The checkout that these tests were built from. Tests read it and never build in it: the run that they are part of may be doing so.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static string TestProject { get; } = Path.Combine(Root, "tests", "ResNet.Core.Tests", "ResNet.Core.Tests.csproj");

    public static string Library { get; } = Path.Combine("src", "ResNet.Core", "ResNet.Core.csproj");

    public static string BuildTransitive { get; } = Path.Combine(Root, "src", "ResNet.Core", "buildTransitive");

    /// <summary>Every project, relative to the root.</summary>
    public static IEnumerable<string> Projects =>
        from project in Directory.EnumerateFiles(Root, "*.csproj", SearchOption.AllDirectories)
        where !IsBuildOutput(project)
        select Path.GetRelativePath(Root, project);

    /// <summary>Copies what the library is packed from.</summary>
    public static void CopySources(string destination)
    {
        string[] files = ["Directory.Build.props", "Directory.Packages.props", ".editorconfig", ".gitattributes", ".gitignore", "README.md", "LICENSE"];
        var sources = Directory.EnumerateFiles(Path.Combine(Root, "src"), "*", SearchOption.AllDirectories).Where(file => !IsBuildOutput(file));
        foreach (var source in files.Select(file => Path.Combine(Root, file)).Concat(sources))
        {
            var target = Path.Combine(destination, Path.GetRelativePath(Root, source));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(source, target);
        }
    }

    private static bool IsBuildOutput(string file) =>
        Path.GetRelativePath(Root, file).Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar).Any(part => part is "bin" or "obj" or "artifacts");

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "ResNet.sln")))
                return folder.FullName;
        throw new InvalidOperationException($"No ResNet.sln above {AppContext.BaseDirectory}.");
    }
}
