namespace ResNet.Core.Weights;

/// <summary>How a pickle refers to a storage beside it: <c>('storage', type, key, location, number of elements)</c>.</summary>
/// <param name="Type">Its class, such as <c>torch.FloatStorage</c>.</param>
/// <param name="Key">What the file calls it.</param>
/// <param name="Count">How many elements it has.</param>
internal readonly record struct StorageId(string Type, string Key, long Count)
{
    private const int MaxKeyLength = 1000; // so that it can be told

    private static readonly Dictionary<string, ElementType> types = ElementType.All.ToDictionary(type => $"torch.{type.Storage}");

    /// <summary>The elements' type, or null if it is one that no module has.</summary>
    public ElementType? ElementType => types.GetValueOrDefault(Type);

    /// <param name="id">A persistent id.</param>
    /// <exception cref="InvalidDataException">It is none of a storage.</exception>
    public static StorageId Parse(object?[] id)
    {
        if (id is not ["storage", PickledGlobal type, string key, string, long count] || !type.Name.StartsWith("torch.", StringComparison.Ordinal) || !type.Name.EndsWith("Storage", StringComparison.Ordinal))
            throw Misplaced(id);
        CheckKey(key);
        return new StorageId(type.Name, key, count);
    }

    public static InvalidDataException Misplaced(object?[] id) => new($"refers to {PickleReader.Describe(id)}, expected a storage: ('storage', type, key, location, number of elements)");

    /// <summary>Each time that a key is looked up it is hashed to its end, and a text can be used again and again.</summary>
    public static void CheckKey(string key)
    {
        if (key.Length > MaxKeyLength)
            throw new InvalidDataException($"refers to a storage whose name has {key.Length:N0} characters, expected at most {MaxKeyLength}");
    }
}
