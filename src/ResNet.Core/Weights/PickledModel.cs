namespace ResNet.Core.Weights;

/// <summary>Recognizes a whole model that was pickled instead of its <c>state_dict</c>.</summary>
internal static class PickledModel
{
    /// <summary>Describes a pickled model, alone or in a dictionary; null if there is none.</summary>
    public static string? Describe(object? pickled) => pickled switch
    {
        PickledObject { IsModule: true } => Describe("is", pickled, "", ""),
        Dictionary<object, object?> dictionary when dictionary.FirstOrDefault(entry => entry is { Key: string, Value: PickledObject { IsModule: true } }) is { Key: string key, Value: { } model } =>
            Describe("holds", model, $" under '{Names.Shorten(key)}'", $"[\"{Names.Shorten(key)}\"]"),
        _ => null,
    };

    private static string Describe(string verb, object model, string where, string item) =>
        $"{verb} {PickleReader.Describe(model)}{where}, expected its state_dict; if you have its code and trust the file: torch.save(torch.load(path, weights_only=False){item}.state_dict(), \"state_dict.pth\")";
}
