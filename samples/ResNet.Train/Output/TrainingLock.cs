namespace ResNet.Train;

/// <summary>
/// Keeps two trainings from writing into one folder. What holds is the open file and not its name, so that what a process that
/// was killed has left stops nobody. Where files cannot be locked it does nothing.
/// </summary>
internal static class TrainingLock
{
    public const string FileName = "training.lock";

    /// <returns>To be disposed at the end; null where the folder cannot be locked.</returns>
    /// <exception cref="UserException">Another training writes into it.</exception>
    public static IDisposable? Take(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e) when (IsTaken(e))
        {
            throw new UserException($"{folder}: expected a folder that no other training writes into, got one in which {FileName} is held by one that runs");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>EWOULDBLOCK of Linux or macOS, ERROR_SHARING_VIOLATION of Windows.</summary>
    private static bool IsTaken(IOException e) =>
        e.HResult == (OperatingSystem.IsWindows() ? unchecked((int)0x80070020) : OperatingSystem.IsMacOS() ? 35 : 11);
}
