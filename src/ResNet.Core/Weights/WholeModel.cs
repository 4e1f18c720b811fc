namespace ResNet.Core.Weights;

/// <summary>A model that was pickled as it is, with the names of its code, where its <c>state_dict</c> was meant.</summary>
internal static class WholeModel
{
    /// <summary>What to say of one, alone or in a dictionary, or null if there is none.</summary>
    public static string? In(object? pickled) => pickled switch
    {
        PickledObject { IsModule: true } => Describe(pickled, "is", ""),
        Dictionary<object, object?> dictionary when dictionary.FirstOrDefault(entry => entry is { Key: string, Value: PickledObject { IsModule: true } }) is { Key: string key, Value: { } model } =>
            Describe(model, $"holds under '{Names.Short(key)}'", $"[\"{Names.Short(key)}\"]"),
        _ => null,
    };

    private static string Describe(object model, string verb, string place) =>
        $"{verb} {PickleReader.Describe(model)}, expected its state_dict; where its code is at hand and the file is trusted: torch.save(torch.load(path, weights_only=False){place}.state_dict(), path)";
}
