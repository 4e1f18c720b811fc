using ResNet.Core.Weights.Onnx;

namespace ResNet.Core.Weights;

/// <summary>Tells by its content what a file is.</summary>
internal static class WeightsFile
{
    /// <summary>The file's dictionaries with tensors, one of which is the <c>state_dict</c>. No tensor is read yet.</summary>
    /// <param name="file">The file.</param>
    /// <param name="networks">This library's in the module: a file without names of tensors is read for one of them.</param>
    /// <exception cref="InvalidDataException">It is no such file, or is damaged.</exception>
    public static IReadOnlyList<StateDict> Read(FileStream file, IReadOnlyList<NamedNetwork> networks)
    {
        if (!file.CanSeek)
            throw new InvalidDataException("is a pipe, expected a file, which can be read from anywhere");

        Span<byte> start = stackalloc byte[OtherFile.StartLength];
        start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        file.Position = 0;

        if (start.StartsWith(ZipDirectory.Magic))
            return TorchArchiveReader.Read(file);
        if (TorchLegacyReader.MagicLength(start) is > 0 and var magicLength)
            return TorchLegacyReader.Read(file, magicLength);
        if (start.Length > SafeTensorsReader.LengthSize && start[SafeTensorsReader.LengthSize] == '{' && !OtherFile.IsText(start[..SafeTensorsReader.LengthSize]))
            return [SafeTensorsReader.Read(file)];
        if (OnnxStateDict.Starts(start))
            return [OnnxStateDict.Read(file, networks)];
        throw new InvalidDataException(OtherFile.Describe(start));
    }
}
