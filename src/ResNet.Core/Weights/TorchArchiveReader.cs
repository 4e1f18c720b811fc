namespace ResNet.Core.Weights;

/// <summary>
/// What <c>torch.save</c> writes since PyTorch 1.6: a zip archive of uncompressed entries, all in one folder, with a pickle
/// <c>data.pkl</c> and the storages that it refers to, <c>data/0</c>, <c>data/1</c> and so on.
/// </summary>
internal static class TorchArchiveReader
{
    private const string Pickle = "data.pkl";

    /// <exception cref="InvalidDataException">The archive is damaged, or holds no dictionary with tensors.</exception>
    public static IReadOnlyList<StateDict> Read(FileStream file)
    {
        var entries = ZipDirectory.Read(file);
        var folder = Folder(entries);
        if (entries.TryGetValue($"{folder}byteorder", out var byteOrder) && !ReadBytes(file, byteOrder, 10).AsSpan().SequenceEqual("little"u8))
            throw new InvalidDataException(OtherFile.BigEndian);

        var storages = new Dictionary<string, StoragePart>();
        var pickle = new PickleBytes(ReadBytes(file, entries[folder + Pickle], PickleBytes.MaxLength));
        var memory = new PickleMemory(pickle);
        return PickledStateDict.FindIn(new PickleReader(pickle, memory).Read(FindStorage));

        object FindStorage(object?[] id)
        {
            var storage = StorageId.Parse(id);
            var (key, count) = (storage.Key, storage.Count);
            if (storage.ElementType is not { } type)
                return memory.NewObject(storage.Type); // which no module has
            if (!entries.TryGetValue($"{folder}data/{key}", out var entry))
                throw new InvalidDataException($"refers to a storage '{Names.Short(key)}' that the archive does not have");
            if (!storages.TryGetValue(key, out var elements))
                storages.Add(key, elements = new StoragePart(new Storage(entry.Name, type, count, ZipDirectory.DataPosition(file, entry), Checksum(entry)), 0, count));
            if (elements.Storage.Type != type || elements.Count != count || entry.Length != (Int128)count * type.Size)
                throw new InvalidDataException($"refers to storage '{Names.Short(key)}' as {count:N0} elements of {type.Dtype}, which its {entry.Length:N0} bytes are not");
            return elements;
        }
    }

    /// <summary>The archive's one folder, which bears the name that the file had when it was written, with its slash.</summary>
    private static string Folder(IReadOnlyDictionary<string, ZipEntry> entries)
    {
        if (OtherFile.InArchive(entries.Keys) is { } other)
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
        file.Position = ZipDirectory.DataPosition(file, entry);
        var bytes = new byte[entry.Length];
        file.ReadAll(bytes);
        if (Checksum(entry) is { } expected)
            Crc32.Check(entry.Name, expected, checksum => checksum.Write(bytes));
        return bytes;
    }

    /// <summary>0 stands where PyTorch computed none: it wrote the archive first and the data later (torch.serialization.skip_data).</summary>
    private static uint? Checksum(ZipEntry entry) => entry.Checksum == 0 ? null : entry.Checksum;
}
