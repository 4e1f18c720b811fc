namespace ResNet.Train;

/// <summary>
/// Keeps two trainings from writing into one folder. The open file is the lock, not its name, so the file of a killed process blocks
/// nobody. Where the file system has no locks, it does nothing.
/// </summary>
internal static class TrainingLock
{
    public const string FileName = "training.lock";

    /// <returns>The lock, to dispose at the end; null if the folder cannot be locked.</returns>
    /// <exception cref="UserException">Another training writes into the folder.</exception>
    public static IDisposable? Take(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e) when (IsTaken(e))
        {
            throw new UserException($"{folder}: expected a folder that no other training writes into, got one whose {FileName} is held by a running training");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Checks for EWOULDBLOCK on Linux and macOS, and ERROR_SHARING_VIOLATION on Windows.</summary>
    private static bool IsTaken(IOException e) =>
        e.HResult == (OperatingSystem.IsWindows() ? unchecked((int)0x80070020) : OperatingSystem.IsMacOS() ? 35 : 11);
}
