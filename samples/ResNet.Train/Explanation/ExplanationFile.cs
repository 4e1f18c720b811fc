namespace ResNet.Train;

/// <summary>
/// The file beside an image that explains what a network sees in it. It says in itself that it is one, so that it replaces no
/// other file, and is never taken for one of the user's images.
/// </summary>
internal static class ExplanationFile
{
    public const string Ending = ".cam.png";

    /// <summary>A PNG's signature and first chunk, after which the mark comes.</summary>
    private const int HeaderLength = 33;

    /// <summary>A chunk with a text, as PNG files have them: length, type, what it is, the text, checksum.</summary>
    private static ReadOnlySpan<byte> Mark => "\0\0\0\u001ftEXtSoftware\0ResNet.Train --explain"u8;

    private static ReadOnlySpan<byte> Checksum => [0x03, 0xe2, 0xea, 0x4e];

    public static string PathOf(string image) => $"{image}{Ending}";

    public static bool IsOne(string path)
    {
        if (!path.EndsWith(Ending, StringComparison.Ordinal))
            return false;
        try
        {
            using var file = InputFile.OpenRead(path);
            return FileKind.Head(file) is var head && FileKind.Format(head) == ImageFormat.Png && head.Length > HeaderLength && head[HeaderLength..].StartsWith(Mark);
        }
        catch (Exception e) when (e is UserException or IOException)
        {
            return false;
        }
    }

    /// <param name="image">That is explained.</param>
    /// <param name="png">The explanation.</param>
    /// <returns>The file's path.</returns>
    /// <exception cref="UserException">Another file is there, or it cannot be written.</exception>
    public static string Write(string image, byte[] png)
    {
        var path = PathOf(image);
        if (Path.Exists(path) && !IsOne(path))
            throw new UserException($"{path}: expected no file there, or one that --explain has written, got another one");
        OutputFile.Write(path, file =>
        {
            file.Write(png.AsSpan(0, HeaderLength));
            file.Write(Mark);
            file.Write(Checksum);
            file.Write(png.AsSpan(HeaderLength));
        });
        return path;
    }
}
