namespace ResNet.Core.Weights;

/// <summary>
/// What <c>torch.save</c> wrote before PyTorch 1.6: five pickles, one behind the other, and then the storages. The pickles are a magic number, the format's version,
/// what machine wrote it, the object that was saved, and the keys of the storages.
/// </summary>
internal static class TorchLegacyReader
{
    private const long Version = 1001;

    /// <summary>The pickled number 0x1950a86a20f9469cfc6c, to its pickle's end.</summary>
    private static ReadOnlySpan<byte> Magic => [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];

    /// <summary>How long the first pickle is, or 0 if the file is of another format.</summary>
    /// <param name="start">The file's first bytes.</param>
    public static int MagicLength(ReadOnlySpan<byte> start)
    {
        if (start is not [(byte)PickleOpcode.Proto, >= 2 and <= 5, var next, ..])
            return 0;
        var at = next == (byte)PickleOpcode.Frame ? 2 + 1 + sizeof(long) : 2;
        return start.Length > at && start[at..].StartsWith(Magic) ? at + Magic.Length : 0;
    }

    /// <param name="file">The file.</param>
    /// <param name="magicLength">How long its first pickle is.</param>
    /// <exception cref="InvalidDataException">It is damaged, or holds no dictionary with tensors.</exception>
    public static IReadOnlyList<StateDict> Read(FileStream file, int magicLength)
    {
        file.Position = magicLength;
        var bytes = new PickleBytes(file);
        var memory = new PickleMemory(bytes);
        var (pickles, storages) = (new PickleReader(bytes, memory), new LegacyStorages(memory));

        if (pickles.Read(Nothing) is var version and not Version)
            throw new InvalidDataException($"is of version {(version is long number ? number : PickleReader.Describe(version))} of the format that torch.save wrote before PyTorch 1.6, expected {Version}");
        if (pickles.Read(Nothing) is not Dictionary<object, object?> machine)
            throw new InvalidDataException("does not say what machine wrote it, expected a dict of that");
        if (machine.GetValueOrDefault("little_endian", true) is not true) // PyTorch's C++ library left it out
            throw new InvalidDataException(OtherFile.BigEndian);
        var saved = pickles.Read(storages.Find);
        storages.Place(pickles.Read(Nothing), file, bytes.Position);
        return PickledStateDict.FindIn(saved);
    }

    /// <summary>Beside all but the object's own pickle there is nothing to refer to.</summary>
    private static object Nothing(object?[] id) => throw new InvalidDataException($"refers to {PickleReader.Describe(id)} where there is no storage");
}
