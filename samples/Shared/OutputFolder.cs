using ResNet.Core;
using ResNet.Core.Files;
using static TorchSharp.torch;

namespace ResNet.Samples;

/// <summary>The folder for the results. Each file is replaced whole or not at all.</summary>
public sealed class OutputFolder
{
    private readonly string _path;

    /// <summary>Creates the folder and writes to it once, so that a read-only folder fails before the training, not after it.</summary>
    /// <exception cref="UserException">The folder cannot be created or written.</exception>
    public OutputFolder(string path)
    {
        try
        {
            _path = Directory.CreateDirectory(path).FullName;
            using var probe = TemporaryFile.Create(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UserException($"--out: expected a folder that can be written, got '{path}': {FindBrokenLink(path) ?? e.Message}");
        }
    }

    /// <summary>For such a link, .NET reports that the folder already exists.</summary>
    private static string? FindBrokenLink(string path)
    {
        if (path.Length == 0 || path.Contains('\0'))
            return null;
        for (var part = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)); part is not null; part = Path.GetDirectoryName(part))
            if (new FileInfo(part).LinkTarget is { } target && !Directory.Exists(part))
                return $"'{part}' is a link to '{target}', which is not a folder";
        return null;
    }

    /// <returns>The file's full path.</returns>
    /// <exception cref="UserException">The file cannot be written; the previous one is still there.</exception>
    public string Write(string name, byte[] content) => Write(name, path => AtomicFile.Write(path, file => file.Write(content)));

    /// <summary>Writes a network's weights, in the format of the name's extension.</summary>
    /// <inheritdoc cref="Write(string, byte[])"/>
    public string Write(string name, nn.Module model) => Write(name, path => Checkpoint.Save(model, path));

    public string GetPath(string name) => Path.Combine(_path, name);

    /// <returns>Whether the file existed.</returns>
    /// <exception cref="UserException">The file cannot be deleted.</exception>
    public bool Delete(string name)
    {
        try
        {
            var exists = File.Exists(GetPath(name));
            File.Delete(GetPath(name));
            return exists;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{name}: cannot be deleted: {e.Message}");
        }
    }

    private string Write(string name, Action<string> write)
    {
        var path = GetPath(name);
        OutputFile.Replace(() => write(path));
        return path;
    }
}
