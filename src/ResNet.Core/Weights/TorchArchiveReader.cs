namespace ResNet.Core.Weights;

/// <summary>
/// Reads the format of <c>torch.save</c> since PyTorch 1.6: a zip archive of uncompressed entries in a single folder, with the pickle <c>data.pkl</c> and the
/// storages that it refers to, <c>data/0</c>, <c>data/1</c> and so on.
/// </summary>
internal static class TorchArchiveReader
{
    private const string Pickle = "data.pkl";

    /// <exception cref="InvalidDataException">The archive is damaged, or contains no dictionary with tensors.</exception>
    public static IReadOnlyList<StoredStateDict> Read(FileStream file)
    {
        var entries = ZipDirectory.Read(file);
        var folder = FindFolder(entries);
        if (entries.TryGetValue($"{folder}byteorder", out var byteOrder) && !ReadBytes(file, byteOrder, 10).AsSpan().SequenceEqual("little"u8))
            throw new InvalidDataException(UnsupportedFile.BigEndian);

        var storages = new Dictionary<string, StoragePart>();
        var pickle = new PickleBytes(ReadBytes(file, entries[folder + Pickle], PickleBytes.MaxLength));
        var memory = new PickleMemoryBudget(pickle);
        return PickledStateDict.FindIn(new PickleReader(pickle, memory).Read(FindStorage));

        object FindStorage(object?[] id)
        {
            var storage = StorageId.Parse(id);
            var (key, count) = (storage.Key, storage.Count);
            if (storage.ElementType is not { } type)
                return memory.CreateObject(storage.Type); // of a type that no module has
            if (!entries.TryGetValue($"{folder}data/{key}", out var entry))
                throw new InvalidDataException($"refers to a storage '{Names.Shorten(key)}' that the archive does not have");
            if (!storages.TryGetValue(key, out var elements))
                storages.Add(key, elements = new StoragePart(new Storage(entry.Name, type, count, ZipDirectory.FindDataPosition(file, entry), GetChecksum(entry)), 0, count));
            if (elements.Storage.Type != type || elements.Count != count || entry.Length != (Int128)count * type.Size)
                throw new InvalidDataException($"refers to storage '{Names.Shorten(key)}' as {count:N0} elements of {type.Dtype}, which its {entry.Length:N0} bytes do not match");
            return elements;
        }
    }

    /// <summary>The single folder in the archive, with its slash. It has the name that the file was saved under.</summary>
    private static string FindFolder(IReadOnlyDictionary<string, ZipEntry> entries)
    {
        if (UnsupportedFile.DescribeArchive(entries.Keys) is { } other)
            throw new InvalidDataException(other);
        var pickles = entries.Keys.Where(name => name == Pickle || name.EndsWith($"/{Pickle}", StringComparison.Ordinal)).ToList();
        return pickles is [var path]
            ? path[..^Pickle.Length]
            : throw new InvalidDataException($"is a zip archive with {pickles.Count} files {Pickle}, expected one, as torch.save writes it");
    }

    private static byte[] ReadBytes(FileStream file, ZipEntry entry, int maxLength)
    {
        if (entry.Length > maxLength)
            throw new InvalidDataException($"has a {entry.Name.Split('/')[^1]} of {entry.Length:N0} bytes, expected at most {maxLength:N0}");
        file.Position = ZipDirectory.FindDataPosition(file, entry);
        var bytes = new byte[entry.Length];
        file.ReadAll(bytes);
        if (GetChecksum(entry) is { } expected)
            Crc32.Check(entry.Name, expected, checksum => checksum.Write(bytes));
        return bytes;
    }

    /// <summary>PyTorch writes 0 if it has no checksum, because it wrote the data after the archive (<c>torch.serialization.skip_data</c>).</summary>
    private static uint? GetChecksum(ZipEntry entry) => entry.Checksum == 0 ? null : entry.Checksum;
}
