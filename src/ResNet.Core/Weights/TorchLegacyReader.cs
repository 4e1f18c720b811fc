namespace ResNet.Core.Weights;

/// <summary>
/// Reads the format of <c>torch.save</c> before PyTorch 1.6: five pickles and then the storages. The pickles are a magic number, the format version, a
/// description of the machine, the saved object, and the keys of the storages.
/// </summary>
internal static class TorchLegacyReader
{
    private const long Version = 1001;

    /// <summary>The pickled number 0x1950a86a20f9469cfc6c with the end of its pickle.</summary>
    private static ReadOnlySpan<byte> Magic => [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];

    /// <summary>The length of the first pickle; 0 if the file has another format.</summary>
    /// <param name="start">The file's first bytes.</param>
    public static int FindMagicLength(ReadOnlySpan<byte> start)
    {
        if (start is not [(byte)PickleOpcode.Proto, >= 2 and <= 5, var next, ..])
            return 0;
        var at = next == (byte)PickleOpcode.Frame ? 2 + 1 + sizeof(long) : 2;
        return start.Length > at && start[at..].StartsWith(Magic) ? at + Magic.Length : 0;
    }

    /// <param name="file">The file.</param>
    /// <param name="magicLength">The length of the first pickle.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or contains no dictionary with tensors.</exception>
    public static IReadOnlyList<StoredStateDict> Read(FileStream file, int magicLength)
    {
        file.Position = magicLength;
        var bytes = new PickleBytes(file);
        var memory = new PickleMemoryBudget(bytes);
        var (pickles, storages) = (new PickleReader(bytes, memory), new LegacyStorages(memory));

        if (pickles.Read(RefuseStorage) is var version and not Version)
            throw new InvalidDataException($"is of version {(version is long number ? number : PickleReader.Describe(version))} of the format that torch.save wrote before PyTorch 1.6, expected {Version}");
        if (pickles.Read(RefuseStorage) is not Dictionary<object, object?> machine)
            throw new InvalidDataException("does not describe the machine that wrote it, expected a dict");
        if (machine.GetValueOrDefault("little_endian", true) is not true) // PyTorch's C++ library left it out
            throw new InvalidDataException(UnsupportedFile.BigEndian);
        var saved = pickles.Read(storages.Find);
        storages.Place(pickles.Read(RefuseStorage), file, bytes.Position);
        return PickledStateDict.FindIn(saved);
    }

    /// <summary>Only the object's pickle can refer to storages.</summary>
    private static object RefuseStorage(object?[] id) => throw new InvalidDataException($"refers to {PickleReader.Describe(id)} where there is no storage");
}
