using ResNet.Core.Files;

namespace ResNet.Samples;

/// <summary>Opens files in the user's folders, which may hold anything.</summary>
public static class InputFile
{
    /// <summary>Opens a file for reading, and never blocks.</summary>
    /// <exception cref="UserException">The file is missing, empty, no regular file, or cannot be read.</exception>
    public static FileStream OpenRead(string path)
    {
        try
        {
            if (Directory.Exists(path))
                throw new UserException($"{path}: expected a file, got a folder");
            // Outside Linux, RegularFile opens pipes, and opening one blocks. A pipe, socket or device has no length.
            if (new FileInfo(Links.Follow(Path.GetFullPath(path))).Length == 0)
                throw new UserException($"{path}: expected a file with something in it, got one that is empty, or a pipe, socket or device");
            return RegularFile.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidDataException)
        {
            // .NET replaces bytes that are not UTF-8 in a Linux file name with this character, and then does not find the file.
            throw new UserException($"{path}: cannot be read: {(path.Contains('\ufffd') ? "expected a name in UTF-8" : e.Message)}");
        }
    }

    /// <inheritdoc cref="OpenRead"/>
    public static byte[] ReadAllBytes(string path)
    {
        using var file = OpenRead(path);
        if (file.Length > Array.MaxLength)
            throw new UserException($"{path}: expected a file of up to {Array.MaxLength} bytes, got {file.Length}");
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }
}
