namespace ResNet.Samples;

/// <summary>The names of an enumeration, in upper or lower case. Unlike .NET's parser, it accepts neither numbers nor lists of names.</summary>
public static class EnumNames
{
    public static string List<T>() where T : struct, Enum => string.Join(", ", Enum.GetNames<T>());

    public static T? Find<T>(string? text) where T : struct, Enum =>
        Enum.GetNames<T>().FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } known ? Enum.Parse<T>(known) : null;
}
