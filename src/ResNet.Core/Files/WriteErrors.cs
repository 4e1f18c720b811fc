using System.Runtime.InteropServices;

namespace ResNet.Core.Files;

/// <summary>Rewrites exceptions of file writes with the caller's path, since .NET's messages name a temporary file.</summary>
internal static class WriteErrors
{
    private const PosixSignal FileTooLarge = (PosixSignal)25; // SIGXFSZ, on Linux and macOS

    private static PosixSignalRegistration? ignored;

    /// <summary>Lets a write beyond the file size limit (<c>ulimit -f</c>) fail with an exception, as in Python, instead of ending the process.</summary>
    public static void IgnoreSizeSignal()
    {
        if (!OperatingSystem.IsWindows())
            ignored ??= PosixSignalRegistration.Create(FileTooLarge, context => context.Cancel = true);
    }

    public static bool Includes(Exception e) => e is IOException or UnauthorizedAccessException || IsTooLarge(e);

    public static Exception AddPath(string path, Exception e)
    {
        var message = $"{path}: cannot be written: {(IsTooLarge(e) ? "it exceeds the file size limit: " : "")}{e.Message}";
        return e switch
        {
            UnauthorizedAccessException => new UnauthorizedAccessException(message, e),
            DirectoryNotFoundException => new DirectoryNotFoundException(message, e),
            IOException => new IOException(message, e) { HResult = e.HResult },
            _ => new IOException(message, e),
        };
    }

    /// <summary>Recognizes .NET's exception for EFBIG.</summary>
    private static bool IsTooLarge(Exception e) => e is ArgumentOutOfRangeException { ParamName: "value" };
}
