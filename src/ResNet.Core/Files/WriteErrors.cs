using System.Runtime.InteropServices;

namespace ResNet.Core.Files;

/// <summary>What goes wrong in writing a file, told with the path that the caller knows: the messages of .NET name a temporary one.</summary>
internal static class WriteErrors
{
    private const PosixSignal FileTooLarge = (PosixSignal)25; // SIGXFSZ, on Linux and macOS

    private static PosixSignalRegistration? ignored;

    /// <summary>A write beyond the size that files may have (<c>ulimit -f</c>) then fails, as in Python; otherwise it ends the process.</summary>
    public static void IgnoreSizeSignal()
    {
        if (!OperatingSystem.IsWindows())
            ignored ??= PosixSignalRegistration.Create(FileTooLarge, context => context.Cancel = true);
    }

    public static bool Includes(Exception e) => e is IOException or UnauthorizedAccessException || IsTooLarge(e);

    public static Exception WithPath(string path, Exception e)
    {
        var message = $"{path}: cannot be written: {(IsTooLarge(e) ? "it would be larger than a file may be here: " : "")}{e.Message}";
        return e switch
        {
            UnauthorizedAccessException => new UnauthorizedAccessException(message, e),
            DirectoryNotFoundException => new DirectoryNotFoundException(message, e),
            IOException => new IOException(message, e) { HResult = e.HResult },
            _ => new IOException(message, e),
        };
    }

    /// <summary>How .NET tells EFBIG.</summary>
    private static bool IsTooLarge(Exception e) => e is ArgumentOutOfRangeException { ParamName: "value" };
}
