namespace ResNet.Core.Tests.Packaging;

/// <summary>The projects of the checkout, and the files that the packages are packed from.</summary>
internal static class Sources
{
    public static string TestProject { get; } = Path.Combine(Repository.Root, "tests", "ResNet.Core.Tests", "ResNet.Core.Tests.csproj");

    public static string Library { get; } = Path.Combine("src", "ResNet.Core", "ResNet.Core.csproj");

    public static string Distributed { get; } = Path.Combine("src", "ResNet.Core.Distributed", "ResNet.Core.Distributed.csproj");

    public static string BuildTransitive { get; } = Path.Combine(Repository.Root, "src", "ResNet.Core", "buildTransitive");

    /// <summary>The path of every project, relative to the root.</summary>
    public static IEnumerable<string> Projects =>
        from project in Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
        where !IsBuildOutput(project)
        select Path.GetRelativePath(Repository.Root, project);

    /// <summary>Copies the files that the packages are packed from.</summary>
    public static void Copy(string destination)
    {
        string[] files = ["Directory.Build.props", "Directory.Packages.props", ".editorconfig", ".gitattributes", ".gitignore", "LICENSE"];
        var sources = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*", SearchOption.AllDirectories).Where(file => !IsBuildOutput(file));
        foreach (var source in files.Select(file => Path.Combine(Repository.Root, file)).Concat(sources))
        {
            var target = Path.Combine(destination, Path.GetRelativePath(Repository.Root, source));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(source, target);
        }
    }

    private static bool IsBuildOutput(string file) =>
        Path.GetRelativePath(Repository.Root, file).Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar).Any(part => part is "bin" or "obj" or "artifacts");
}
