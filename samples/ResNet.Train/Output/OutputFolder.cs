using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Where the results go. Each file is written beside its place and then moved there, so that it is whole or not there.</summary>
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
            var probe = Path.Combine(_path, Path.GetRandomFileName());
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UserException($"--out: expected a folder that can be written, got '{path}': {e.Message}");
        }
    }

    /// <returns>The file's full path.</returns>
    /// <exception cref="UserException">It cannot be written; what was there before still is.</exception>
    public string Write(string name, byte[] content) => Write(name, path =>
    {
        var partial = path + ".partial";
        try
        {
            File.WriteAllBytes(partial, content);
            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    });

    /// <summary>Writes a network's weights, in the format that the name's extension says.</summary>
    /// <inheritdoc cref="Write(string, byte[])"/>
    public string Write(string name, nn.Module model) => Write(name, path => Checkpoint.Save(model, path)); // which writes beside and moves by itself

    /// <summary>Removes a file if it is there.</summary>
    /// <exception cref="UserException">It cannot be removed.</exception>
    public void Delete(string name) => Write(name, File.Delete);

    private string Write(string name, Action<string> replace)
    {
        var path = Path.Combine(_path, name);
        try
        {
            replace(path);
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: cannot be written: {e.Message}");
        }
    }
}
