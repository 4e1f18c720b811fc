namespace ResNet.Train;

/// <summary>The names of an enumeration, in large or small letters. Neither a number nor several names at once stand for a value, as they do for .NET.</summary>
internal static class Names<T> where T : struct, Enum
{
    public static string Expected { get; } = string.Join(", ", Enum.GetNames<T>());

    public static T? Find(string? text) =>
        Enum.GetNames<T>().FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } known ? Enum.Parse<T>(known) : null;
}
