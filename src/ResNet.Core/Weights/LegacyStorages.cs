using System.Buffers.Binary;

namespace ResNet.Core.Weights;

/// <summary>
/// The storages of a file that <c>torch.save</c> wrote before PyTorch 1.6. The pickle refers to them by key. After it, a list gives the order of the keys,
/// and the storages follow in that order, each preceded by its number of elements.
/// </summary>
/// <param name="memory">The memory budget of the file.</param>
internal sealed class LegacyStorages(PickleMemoryBudget memory)
{
    /// <summary>The element sizes in bytes of storage types that no module has.</summary>
    private static readonly Dictionary<string, int> otherSizes = new()
    {
        ["torch.ComplexFloatStorage"] = 8, ["torch.ComplexDoubleStorage"] = 16,
        ["torch.QInt8Storage"] = 1, ["torch.QUInt8Storage"] = 1, ["torch.QInt32Storage"] = 4, ["torch.QUInt4x2Storage"] = 1, ["torch.QUInt2x4Storage"] = 1,
        ["torch.UntypedStorage"] = 1, ["torch.storage.UntypedStorage"] = 1, ["torch._UntypedStorage"] = 1, ["torch.storage._UntypedStorage"] = 1,
    };

    private readonly Dictionary<string, Entry> _entries = []; // by key
    private readonly Dictionary<string, StoragePart> _views = []; // by key

    /// <summary>A storage of the file.</summary>
    /// <param name="Id">The id by which the pickle refers to the storage.</param>
    /// <param name="ElementSize">The size of an element in bytes.</param>
    /// <param name="Elements">All elements; null for a type that no module has.</param>
    private sealed record Entry(StorageId Id, int ElementSize, StoragePart? Elements);

    /// <summary>Resolves a persistent id of the object's pickle.</summary>
    /// <exception cref="InvalidDataException"><c>torch.save</c> does not write such an id, or it contradicts another one.</exception>
    public object Find(object?[] id)
    {
        // The class of a whole model, with its source code
        if (id is ["module", PickledGlobal type, _, _])
            return type;
        if (id is not [_, _, _, _, _, null or object?[]])
            throw StorageId.Misplaced(id);
        var storage = StorageId.Parse(id[..^1]);
        if (!_entries.TryGetValue(storage.Key, out var entry))
            _entries.Add(storage.Key, entry = CreateEntry(storage));
        if (entry.Id != storage)
            throw new InvalidDataException($"refers to storage '{Names.Shorten(storage.Key)}' as {storage.Count:N0} elements of {Names.Shorten(storage.Type)}, and elsewhere as {entry.Id.Count:N0} of {Names.Shorten(entry.Id.Type)}");
        return entry.Elements is null ? memory.CreateObject(storage.Type)
            : id[^1] is object?[] view ? FindView(entry.Elements, view)
            : entry.Elements;
    }

    private Entry CreateEntry(StorageId id)
    {
        var type = id.ElementType;
        var size = type?.Size ?? otherSizes.GetValueOrDefault(id.Type);
        if (size == 0)
            throw new InvalidDataException($"refers to storage '{Names.Shorten(id.Key)}' of {Names.Shorten(id.Type)}, whose elements are of unknown size, expected one such as torch.FloatStorage");
        if (id.Count < 0)
            throw new InvalidDataException($"refers to storage '{Names.Shorten(id.Key)}' as {id.Count:N0} elements");
        if (_views.ContainsKey(id.Key))
            throw TwoMeanings(id.Key);
        memory.Charge(2 * PickleMemoryBudget.SmallObject + PickleMemoryBudget.Storage + PickleMemoryBudget.StoragePart);
        memory.ChargeItem(_entries.Count);
        return new Entry(id, size, type is null ? null : new StoragePart(new Storage(id.Key, type, id.Count, Position: 0, Checksum: null), 0, id.Count));
    }

    /// <summary>Resolves a view, a part of a storage with its own key, as before PyTorch 0.4.</summary>
    private StoragePart FindView(StoragePart elements, object?[] view)
    {
        if (view is not [string key, long offset, long count])
            throw new InvalidDataException($"refers to {PickleReader.Describe(view)} within a storage, expected a view: (key, first element, number of elements)");
        StorageId.CheckKey(key);
        if (offset < 0 || count < 0 || offset > elements.Count - count)
            throw new InvalidDataException($"refers to a view of {count:N0} elements from {offset:N0} on, expected one within its storage of {elements.Count:N0}");
        if (!_views.TryGetValue(key, out var part))
        {
            memory.Charge(PickleMemoryBudget.StoragePart);
            memory.ChargeItem(_views.Count);
            _views.Add(key, part = new StoragePart(elements.Storage, offset, count));
        }
        return !_entries.ContainsKey(key) && part.Storage == elements.Storage && (part.Offset, part.Count) == (offset, count) ? part : throw TwoMeanings(key);
    }

    private static InvalidDataException TwoMeanings(string key) => new($"refers to two different storages by the key '{Names.Shorten(key)}'");

    /// <summary>Finds the positions of all storages in the file, which must end with the last one.</summary>
    /// <param name="keys">The list of keys that follows the pickle.</param>
    /// <param name="file">The file.</param>
    /// <param name="position">The byte position of the first storage.</param>
    /// <exception cref="InvalidDataException">A storage is missing, unknown to the pickle or of another length, or the file does not end after the last one.</exception>
    public void Place(object? keys, FileStream file, long position)
    {
        if (keys is not IReadOnlyList<object?> items) // PyTorch's C++ library writes a tuple
            throw new InvalidDataException($"has {PickleReader.Describe(keys)} after its pickle, expected the list of its storages");
        foreach (var item in items)
        {
            if (item is not string { Length: > 0 } key || !_entries.Remove(key, out var entry))
                throw new InvalidDataException($"lists {(item is string text ? $"a storage '{Names.Shorten(text)}'" : PickleReader.Describe(item))}, expected each storage that its pickle refers to, once");
            position = Place(entry, file, position);
        }
        if (_entries.Count > 0)
            throw new InvalidDataException($"refers to a storage '{Names.Shorten(_entries.Keys.First())}' that the file does not have");
        if (position != file.Length)
            throw new InvalidDataException($"has {file.Length - position:N0} bytes after its last storage, expected its end at byte {position:N0}");
    }

    /// <returns>The position after the storage.</returns>
    private static long Place(Entry entry, FileStream file, long position)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        var left = file.Length - position - bytes.Length;
        if (left < 0)
            throw CutOff(entry, bytes.Length, left + bytes.Length);
        file.Position = position;
        file.ReadAll(bytes);
        if (BinaryPrimitives.ReadInt64LittleEndian(bytes) is var count && count != entry.Id.Count)
            throw new InvalidDataException($"has {count:N0} elements in storage '{Names.Shorten(entry.Id.Key)}', expected {entry.Id.Count:N0}, as its pickle says");
        if (count > left / entry.ElementSize)
            throw CutOff(entry, (Int128)count * entry.ElementSize, left);
        position += bytes.Length;
        if (entry.Elements is { } elements)
            elements.Storage.Position = position;
        return position + count * entry.ElementSize;
    }

    private static InvalidDataException CutOff(Entry entry, Int128 expected, long actual) =>
        new($"ends within storage '{Names.Shorten(entry.Id.Key)}': expected {expected:N0} more bytes, got {actual:N0}; the download or copy was cut off: fetch it again");
}
