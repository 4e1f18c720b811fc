using System.Collections.ObjectModel;
using System.IO.Compression;

namespace ResNet.Core.Weights;

/// <summary>
/// What <c>torch.save</c> writes since PyTorch 1.6: a zip archive of uncompressed entries, all in one folder, with a pickle
/// <c>data.pkl</c> and the storages that it refers to, <c>data/0</c>, <c>data/1</c> and so on.
/// </summary>
internal static class TorchArchiveReader
{
    // A tensor takes about 150 bytes of it, so this is for more than 20,000; and every byte can make an object of about a hundred bytes.
    private const int MaxPickleLength = 4 << 20;

    private const string Pickle = "data.pkl";

    /// <exception cref="InvalidDataException">The archive is damaged, or holds no dictionary with tensors.</exception>
    public static IReadOnlyList<StateDict> Read(FileStream file)
    {
        var entries = Entries(file);
        var folder = Folder(entries);
        if (entries.ContainsKey($"{folder}constants.pkl"))
            throw new InvalidDataException("is a TorchScript program of torch.jit.save, expected weights: torch.save(model.state_dict(), path)");
        if (entries.TryGetValue($"{folder}byteorder", out var byteOrder) && !ReadBytes(byteOrder, 10).AsSpan().SequenceEqual("little"u8))
            throw new InvalidDataException("was written on a big-endian machine, expected little-endian numbers; load it in Python and save it again on another machine");

        var storages = new Dictionary<string, Storage>();
        var pickle = ReadBytes(entries[folder + Pickle], MaxPickleLength);
        return PickledStateDict.FindIn(new PickleReader(pickle, FindStorage).Read());

        Storage FindStorage(string key, ElementType type, long count)
        {
            if (!entries.TryGetValue($"{folder}data/{key}", out var entry))
                throw new InvalidDataException($"refers to a storage '{key}' that the archive does not have");
            if (!storages.TryGetValue(key, out var storage))
                storages.Add(key, storage = new Storage(entry.FullName, type, count, Position(file, entry), Checksum(entry)));
            if (storage.Type != type || storage.Count != count || entry.Length != (Int128)count * type.Size)
                throw new InvalidDataException($"refers to storage '{key}' as {count:N0} elements of {type.Dtype}, which its {entry.Length:N0} bytes are not");
            return storage;
        }
    }

    private static Dictionary<string, ZipArchiveEntry> Entries(FileStream file)
    {
        var entries = new Dictionary<string, ZipArchiveEntry>();
        var total = 0L;
        foreach (var entry in OpenEntries(file))
        {
            var name = entry.FullName;
            if (name is ['/', ..] or [_, ':', '/', ..] || name.Contains('\\') || name.Split('/').Contains(".."))
                throw new InvalidDataException($"has an entry '{name}', expected the name of a file in the archive's own folder");
            if (!entries.TryAdd(name, entry))
                throw new InvalidDataException($"has the entry '{name}' twice");

            // No two entries share the same bytes, and none that is read expands: there cannot be more in it than the file is long.
            if (entry.CompressedLength < 0 || entry.CompressedLength > file.Length - total)
                throw new InvalidDataException($"has entries that are longer than the file, such as '{name}' of {entry.CompressedLength:N0} bytes");
            total += entry.CompressedLength;
        }
        return entries;
    }

    private static ReadOnlyCollection<ZipArchiveEntry> OpenEntries(FileStream file)
    {
        try
        {
            return new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true).Entries;
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"is a damaged zip archive: {e.Message}", e);
        }
    }

    /// <summary>The archive's one folder, which bears the name that the file had when it was written, with its slash.</summary>
    private static string Folder(Dictionary<string, ZipArchiveEntry> entries)
    {
        var pickles = entries.Keys.Where(name => name == Pickle || name.EndsWith($"/{Pickle}", StringComparison.Ordinal)).ToList();
        return pickles is [var path]
            ? path[..^Pickle.Length]
            : throw new InvalidDataException($"is a zip archive with {pickles.Count} files {Pickle}, expected one, as torch.save writes it");
    }

    private static byte[] ReadBytes(ZipArchiveEntry entry, int maxLength)
    {
        if (entry.Length > maxLength)
            throw new InvalidDataException($"has a {entry.Name} of {entry.Length:N0} bytes, expected at most {maxLength:N0}");
        using var stream = Open(entry);
        var bytes = new byte[entry.Length];
        stream.ReadExactly(bytes);
        if (Checksum(entry) is { } expected)
            Crc32.Check(entry.FullName, expected, checksum => checksum.Write(bytes));
        return bytes;
    }

    /// <summary>Where the entry's bytes begin in the file. ZipArchive does not tell, but reads an uncompressed entry straight from there.</summary>
    private static long Position(FileStream file, ZipArchiveEntry entry)
    {
        using var stream = Open(entry);
        return stream.ReadByte() < 0 ? 0 : file.Position - 1;
    }

    private static Stream Open(ZipArchiveEntry entry)
    {
        try
        {
            var stream = entry.Open();
            return entry.Length == entry.CompressedLength && stream is not DeflateStream
                ? stream
                : throw new InvalidDataException("is compressed, expected it as it is, as torch.save writes it");
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"has an entry '{entry.FullName}' that cannot be read: {e.Message}", e);
        }
    }

    /// <summary>0 stands where PyTorch computed none: it wrote the archive first and the data later (torch.serialization.skip_data).</summary>
    private static uint? Checksum(ZipArchiveEntry entry) => entry.Crc32 == 0 ? null : entry.Crc32;
}
