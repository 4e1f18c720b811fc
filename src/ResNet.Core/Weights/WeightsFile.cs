namespace ResNet.Core.Weights;

/// <summary>Tells by its content what a file is.</summary>
internal static class WeightsFile
{
    // The pickled number that torch.save before PyTorch 1.6 put before everything else, with the opcodes around it
    private static readonly byte[] legacyMagic = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

    /// <summary>The file's dictionaries with tensors, one of which is the <c>state_dict</c>. No tensor is read yet.</summary>
    /// <exception cref="InvalidDataException">It is no such file, or is damaged.</exception>
    public static IReadOnlyList<StateDict> Read(FileStream file)
    {
        if (!file.CanSeek)
            throw new InvalidDataException("is a pipe, expected a file, which can be read from anywhere");

        Span<byte> start = stackalloc byte[512];
        start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        file.Position = 0;

        if (start.StartsWith("PK\x03\x04"u8))
            return TorchArchiveReader.Read(file);
        if (start.Length > SafeTensorsReader.LengthSize && start[SafeTensorsReader.LengthSize] == '{')
            return [SafeTensorsReader.Read(file)];

        const string Convert = "load it in Python and save it again: torch.save(torch.load(path, map_location=\"cpu\"), path)";
        if (start.StartsWith(legacyMagic))
            throw new InvalidDataException($"is in the format that torch.save wrote before PyTorch 1.6, expected the zip format that it writes since; {Convert}");
        if (start.Length > 262 && start[257..].StartsWith("ustar"u8))
            throw new InvalidDataException($"is a tar archive, as torch.save wrote before PyTorch 0.1.10, expected the zip format that it writes today; {Convert}");
        throw new InvalidDataException(start.IsEmpty
            ? "is empty, expected weights written by torch.save or safetensors"
            : $"expected weights written by torch.save or safetensors, got a file that starts with the bytes {System.Convert.ToHexString(start[..Math.Min(8, start.Length)])}; weights that TorchSharp's Module.save wrote are read by Module.load");
    }
}
