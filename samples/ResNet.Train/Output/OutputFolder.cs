using ResNet.Core;
using ResNet.Core.Files;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Where the results go. Each file is replaced whole or not at all.</summary>
internal sealed class OutputFolder
{
    private readonly string _path;

    /// <summary>Makes the folder and tries it out, so that one that cannot be written is told before the training and not after it.</summary>
    /// <exception cref="UserException">It cannot be made or written.</exception>
    public OutputFolder(string path)
    {
        try
        {
            _path = Directory.CreateDirectory(path).FullName;
            using var probe = TemporaryFile.Create(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UserException($"--out: expected a folder that can be written, got '{path}': {LinkToNoFolder(path) ?? e.Message}");
        }
    }

    /// <summary>.NET says of such a link that it already exists.</summary>
    private static string? LinkToNoFolder(string path)
    {
        if (path.Length == 0 || path.Contains('\0'))
            return null;
        for (var part = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)); part is not null; part = Path.GetDirectoryName(part))
            if (new FileInfo(part).LinkTarget is { } target && !Directory.Exists(part))
                return $"'{part}' is a link to '{target}', where no folder is";
        return null;
    }

    /// <returns>The file's full path.</returns>
    /// <exception cref="UserException">It cannot be written; what was there before still is.</exception>
    public string Write(string name, byte[] content) => Write(name, path => AtomicFile.Write(path, file => file.Write(content)));

    /// <summary>Writes a network's weights, in the format that the name's extension says.</summary>
    /// <inheritdoc cref="Write(string, byte[])"/>
    public string Write(string name, nn.Module model) => Write(name, path => Checkpoint.Save(model, path));

    public string PathOf(string name) => Path.Combine(_path, name);

    /// <summary>Removes a file if it is there.</summary>
    /// <exception cref="UserException">It cannot be removed.</exception>
    public void Delete(string name)
    {
        try
        {
            File.Delete(Path.Combine(_path, name));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{name}: cannot be removed: {e.Message}");
        }
    }

    private string Write(string name, Action<string> write)
    {
        var path = Path.Combine(_path, name);
        try
        {
            write(path);
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException(e.Message); // which says which file
        }
    }
}
