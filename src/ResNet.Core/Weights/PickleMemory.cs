namespace ResNet.Core.Weights;

/// <summary>
/// How much memory the objects of a pickle may take. A pickle is a program, and one byte of it can make an object of a hundred:
/// its length alone is a poor bound. The pickle of a <c>state_dict</c> takes about 10 bytes for each of its own, one of nothing but
/// small dictionaries 35.
/// </summary>
/// <param name="length">The pickle's, in bytes.</param>
internal sealed class PickleMemory(int length)
{
    /// <summary>What it never exceeds, in bytes.</summary>
    public const int AtMost = 128 << 20;

    private const int AtLeast = 8 << 20, PerByte = 32;

    // What objects take in .NET, in bytes.
    public const int SmallObject = 32, PickledObject = 40, TensorObject = 72;

    // Dictionaries grow by doubling: an item takes up to twice its own size.
    private const int EmptyDictionary = 80, FirstItem = 136, NextItem = 56;

    private long _left = Math.Min(AtLeast + (long)PerByte * length, AtMost);

    /// <exception cref="InvalidDataException">It is too much.</exception>
    public void Charge(int bytes)
    {
        if ((_left -= bytes) < 0)
            throw new InvalidDataException($"makes more objects than its {length:N0} bytes explain, or than weights need");
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
}
