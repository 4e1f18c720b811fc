using System.Reflection;

namespace ResNet.Core.Comparison;

/// <summary>What a library's public names say of a subject.</summary>
internal static class Surface
{
    /// <summary>The public types and methods with one of the words in their name, of the assembly with that name.</summary>
    public static string Names(string assembly, params string[] words)
    {
        var names = Assembly.Load(assembly).GetExportedTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly).Where(method => !method.IsSpecialName).Select(method => $"{type.Name}.{method.Name}").Prepend(type.Name))
            .Where(name => words.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase))).Distinct().ToList();
        return names.Count == 0 ? "no" : $"yes: {string.Join(", ", names.Take(4))}";
    }

    public static int Methods(Type type) => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).Where(method => !method.IsSpecialName).DistinctBy(method => method.Name).Count();
}
