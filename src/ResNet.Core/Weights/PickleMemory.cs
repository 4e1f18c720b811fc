namespace ResNet.Core.Weights;

/// <summary>
/// How much memory the objects of a pickle may take. A pickle is a program, and one byte of it can make an object of a hundred:
/// its length alone is a poor bound. The pickle of a <c>state_dict</c> takes about 10 bytes for each of its own, one of nothing but
/// small dictionaries 35.
/// </summary>
/// <param name="bytes">The pickle's, or those of several: what was taken of them explains what may be made.</param>
internal sealed class PickleMemory(PickleBytes bytes)
{
    /// <summary>What it never exceeds, in bytes.</summary>
    public const int AtMost = 128 << 20;

    private const int AtLeast = 8 << 20, PerByte = 32;

    // What objects take in .NET, in bytes.
    public const int SmallObject = 32, PickledObject = 40, StoragePart = 40, TensorObject = 72, Storage = 80;

    // Dictionaries grow by doubling: an item takes up to twice its own size.
    private const int EmptyDictionary = 80, FirstItem = 136, NextItem = 56;

    private long _used;

    /// <exception cref="InvalidDataException">It is too much.</exception>
    public void Charge(int amount)
    {
        if ((_used += amount) > Math.Min(AtLeast + PerByte * bytes.Position, AtMost))
            throw new InvalidDataException($"makes more objects than {bytes.Position:N0} bytes explain, or than weights need");
    }

    /// <summary>For a list of that capacity, which grows: it doubles, and the old array stays until the next garbage collection.</summary>
    public void ChargeGrowth(int capacity) => Charge(16 * Math.Max(capacity, 4));

    /// <summary>For an item of a dictionary with that many.</summary>
    public void ChargeItem(int count) => Charge(count == 0 ? FirstItem : NextItem);

    public PickledOrderedDict NewOrderedDictionary()
    {
        Charge(EmptyDictionary);
        return [];
    }

    public Dictionary<object, object?> NewDictionary()
    {
        Charge(EmptyDictionary);
        return new Dictionary<object, object?>(PickledKeys.Comparer);
    }

    /// <summary>Puts an item into a dictionary.</summary>
    /// <exception cref="InvalidDataException">It has the key already.</exception>
    public void Add(Dictionary<object, object?> dictionary, object? key, object? value)
    {
        ChargeItem(dictionary.Count);
        if (!dictionary.TryAdd(PickledKeys.Of(key), value))
            throw new InvalidDataException($"has the key '{Names.Short($"{key}")}' twice in a dictionary");
    }

    public PickledObject NewObject(string type)
    {
        Charge(PickledObject);
        return new PickledObject(type);
    }
}
