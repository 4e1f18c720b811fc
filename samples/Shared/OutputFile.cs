using ResNet.Core.Files;

namespace ResNet.Samples;

/// <summary>Replaces a file whole or not at all, as <see cref="Core.Checkpoint"/> does with weights.</summary>
public static class OutputFile
{
    /// <param name="path">The file.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="prefix">The start of a message, such as the option that named the file.</param>
    /// <exception cref="UserException">The file cannot be written; the previous one is still there.</exception>
    public static void Write(string path, Action<Stream> write, string prefix = "") => Replace(() => AtomicFile.Write(path, write), prefix);

    /// <summary>Replaces a file by any method that leaves the previous one if it throws.</summary>
    /// <inheritdoc cref="Write"/>
    internal static void Replace(Action replace, string prefix = "")
    {
        try
        {
            replace();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{prefix}{e.Message}"); // which names the file
        }
    }
}
