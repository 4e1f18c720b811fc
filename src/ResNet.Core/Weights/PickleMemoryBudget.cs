namespace ResNet.Core.Weights;

/// <summary>
/// Limits the memory for the objects of a pickle. A pickle is a program in which a single byte can create an object of a hundred bytes, so its length alone
/// is a poor bound. A <c>state_dict</c> takes about 10 bytes of memory per byte of pickle; nested small dictionaries take 35.
/// </summary>
/// <param name="bytes">The pickles. The number of bytes read determines the limit.</param>
internal sealed class PickleMemoryBudget(PickleBytes bytes)
{
    /// <summary>The absolute limit in bytes.</summary>
    public const int AtMost = 128 << 20;

    private const int AtLeast = 8 << 20, PerByte = 32;

    // Object sizes in .NET, in bytes.
    public const int SmallObject = 32, PickledObject = 40, StoragePart = 40, TensorObject = 72, Storage = 80;

    // Dictionaries grow by doubling, so an item takes up to twice its own size.
    private const int EmptyDictionary = 80, FirstItem = 136, NextItem = 56;

    private long _used;

    /// <summary>Adds to the memory in use.</summary>
    /// <exception cref="InvalidDataException">The limit is exceeded.</exception>
    public void Charge(int amount)
    {
        if ((_used += amount) > Math.Min(AtLeast + PerByte * bytes.Position, AtMost))
            throw new InvalidDataException($"creates more objects than weights of {bytes.Position:N0} bytes need");
    }

    /// <summary>Charges for the growth of a list: its capacity doubles, and the old array stays until the next garbage collection.</summary>
    public void ChargeGrowth(int capacity) => Charge(16 * Math.Max(capacity, 4));

    /// <summary>Charges for adding an item to a dictionary of <paramref name="count"/> items.</summary>
    public void ChargeItem(int count) => Charge(count == 0 ? FirstItem : NextItem);

    public PickledOrderedDict CreateOrderedDictionary()
    {
        Charge(EmptyDictionary);
        return [];
    }

    public Dictionary<object, object?> CreateDictionary()
    {
        Charge(EmptyDictionary);
        return new Dictionary<object, object?>(PickledKeyComparer.Instance);
    }

    /// <summary>Adds an item to a dictionary.</summary>
    /// <exception cref="InvalidDataException">The key exists already.</exception>
    public void Add(Dictionary<object, object?> dictionary, object? key, object? value)
    {
        ChargeItem(dictionary.Count);
        if (!dictionary.TryAdd(PickledKeyComparer.Normalize(key), value))
            throw new InvalidDataException($"has the key '{Names.Shorten($"{key}")}' twice in a dictionary");
    }

    public PickledObject CreateObject(string type)
    {
        Charge(PickledObject);
        return new PickledObject(type);
    }
}
