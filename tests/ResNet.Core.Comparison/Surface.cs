using System.Reflection;

namespace ResNet.Core.Comparison;

/// <summary>Searches the public names of a library.</summary>
internal static class Surface
{
    /// <summary>Finds the assembly's public types and methods with one of the words in their name.</summary>
    public static string FindNames(string assembly, params string[] words)
    {
        var names = Assembly.Load(assembly).GetExportedTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly).Where(method => !method.IsSpecialName).Select(method => $"{type.Name}.{method.Name}").Prepend(type.Name))
            .Where(name => words.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase))).Distinct().ToList();
        return names.Count == 0 ? "no" : $"yes: {string.Join(", ", names.Take(4))}";
    }

    public static int CountMethods(Type type) => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).Where(method => !method.IsSpecialName).DistinctBy(method => method.Name).Count();
}
