using ResNet.Core.Files;

namespace ResNet.Train;

/// <summary>Opens files in the user's folders, where there may be anything.</summary>
internal static class RegularFile
{
    /// <summary>Opens a file for reading, and never waits for one.</summary>
    /// <exception cref="UserException">There is no such file, nothing in it, or no right to read it.</exception>
    public static FileStream OpenRead(string path)
    {
        try
        {
            if (Directory.Exists(path))
                throw new UserException($"{path}: expected a file, got a folder");
            // Who opens a pipe waits for who writes into it, and no signal ends that. .NET does not say what is a pipe, a socket
            // or a device, but none of them has a length. The length of a link is that of its text.
            var file = new FileInfo(path);
            if (file.Attributes.HasFlag(FileAttributes.ReparsePoint))
                file = new FileInfo(Links.Follow(Path.GetFullPath(path)));
            if (file.Length == 0)
                throw new UserException($"{path}: expected a file with something in it, got one that is empty, or a pipe, socket or device");
            return File.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // .NET puts this character where a name on Linux is not UTF-8, and then does not find the file.
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
