namespace ResNet.Train;

/// <summary>
/// The file beside an image that explains a prediction. It contains a mark, so that the program never overwrites another
/// file and never takes an explanation for one of the user's images.
/// </summary>
internal static class ExplanationFile
{
    public const string Ending = ".cam.png";

    /// <summary>The length of a PNG's signature and first chunk, before the mark.</summary>
    private const int HeaderLength = 33;

    /// <summary>A PNG text chunk: length, type, keyword, text; the checksum follows.</summary>
    private static ReadOnlySpan<byte> Mark => "\0\0\0\u001ftEXtSoftware\0ResNet.Train --explain"u8;

    private static ReadOnlySpan<byte> Checksum => [0x03, 0xe2, 0xea, 0x4e];

    public static string GetPath(string image) => $"{image}{Ending}";

    public static bool IsExplanation(string path)
    {
        if (!path.EndsWith(Ending, StringComparison.Ordinal))
            return false;
        try
        {
            using var file = InputFile.OpenRead(path);
            return FileKind.ReadHead(file) is var head && FileKind.DetectFormat(head) == ImageFormat.Png && head.Length > HeaderLength && head[HeaderLength..].StartsWith(Mark);
        }
        catch (Exception e) when (e is UserException or IOException)
        {
            return false;
        }
    }

    /// <param name="image">The image's path.</param>
    /// <param name="png">The explanation.</param>
    /// <returns>The file's path.</returns>
    /// <exception cref="UserException">Another file has that path, or the file cannot be written.</exception>
    public static string Write(string image, byte[] png)
    {
        var path = GetPath(image);
        if (Path.Exists(path) && !IsExplanation(path))
            throw new UserException($"{path}: expected no file, or one that --explain wrote, got another one");
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
