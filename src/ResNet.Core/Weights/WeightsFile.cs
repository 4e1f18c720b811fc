using ResNet.Core.Weights.Onnx;

namespace ResNet.Core.Weights;

/// <summary>Recognizes the format of a file by its content.</summary>
internal static class WeightsFile
{
    /// <summary>Finds the dictionaries with tensors in a file. No tensor is read yet.</summary>
    /// <param name="file">The file.</param>
    /// <param name="networks">This library's networks in the module. A file without tensor names is read for one of them.</param>
    /// <exception cref="InvalidDataException">The file has none of the formats, or is damaged.</exception>
    public static IReadOnlyList<StoredStateDict> Read(FileStream file, IReadOnlyList<NamedNetwork> networks)
    {
        if (!file.CanSeek)
            throw new InvalidDataException("is a pipe, expected a seekable file");

        Span<byte> start = stackalloc byte[UnsupportedFile.StartLength];
        start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        file.Position = 0;

        if (start.StartsWith(ZipDirectory.Magic))
            return TorchArchiveReader.Read(file);
        if (TorchLegacyReader.FindMagicLength(start) is > 0 and var magicLength)
            return TorchLegacyReader.Read(file, magicLength);
        if (start.Length > SafeTensorsReader.LengthSize && start[SafeTensorsReader.LengthSize] == '{' && !UnsupportedFile.IsText(start[..SafeTensorsReader.LengthSize]))
            return [SafeTensorsReader.Read(file)];
        if (OnnxStateDict.IsOnnx(start))
            return [OnnxStateDict.Read(file, networks)];
        throw new InvalidDataException(UnsupportedFile.Describe(start));
    }
}
