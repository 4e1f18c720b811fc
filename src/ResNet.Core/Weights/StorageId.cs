namespace ResNet.Core.Weights;

/// <summary>The persistent id by which a pickle refers to a storage: <c>('storage', type, key, location, number of elements)</c>.</summary>
/// <param name="Type">The storage class, such as <c>torch.FloatStorage</c>.</param>
/// <param name="Key">The key of the storage in the file.</param>
/// <param name="Count">The number of elements.</param>
internal readonly record struct StorageId(string Type, string Key, long Count)
{
    private const int MaxKeyLength = 1000; // so that messages can show it

    private static readonly Dictionary<string, ElementType> types = ElementType.All.ToDictionary(type => $"torch.{type.Storage}");

    /// <summary>The type of the elements; null for a type that no module has.</summary>
    public ElementType? ElementType => types.GetValueOrDefault(Type);

    /// <param name="id">A persistent id.</param>
    /// <exception cref="InvalidDataException">The id does not refer to a storage.</exception>
    public static StorageId Parse(object?[] id)
    {
        if (id is not ["storage", PickledGlobal type, string key, string, long count] || !type.Name.StartsWith("torch.", StringComparison.Ordinal) || !type.Name.EndsWith("Storage", StringComparison.Ordinal))
            throw Misplaced(id);
        CheckKey(key);
        return new StorageId(type.Name, key, count);
    }

    public static InvalidDataException Misplaced(object?[] id) => new($"refers to {PickleReader.Describe(id)}, expected a storage: ('storage', type, key, location, number of elements)");

    /// <summary>Limits the length of a key. A file can reuse one long string many times, and each lookup hashes it to its end.</summary>
    public static void CheckKey(string key)
    {
        if (key.Length > MaxKeyLength)
            throw new InvalidDataException($"refers to a storage whose key has {key.Length:N0} characters, expected at most {MaxKeyLength}");
    }
}
