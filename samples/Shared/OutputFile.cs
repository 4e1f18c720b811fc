using ResNet.Core.Files;

namespace ResNet.Samples;

/// <summary>Replaces a file whole or not at all, as <see cref="Core.Checkpoint"/> does with weights.</summary>
public static class OutputFile
{
    /// <param name="path">The file.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="prefix">The start of a message, such as the option that named the file.</param>
    /// <exception cref="UserException">The file cannot be written; the previous one is still there.</exception>
    public static void Write(string path, Action<Stream> write, string prefix = "")
    {
        try
        {
            AtomicFile.Write(path, write);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{prefix}{e.Message}"); // which names the file
        }
    }
}
