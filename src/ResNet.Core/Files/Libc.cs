using System.Runtime.InteropServices;
using System.Text;

namespace ResNet.Core.Files;

/// <summary>File functions of libc on Linux and macOS that .NET lacks.</summary>
internal static partial class Libc
{
    private const int MayWrite = 2; // W_OK
    private const int EPERM = 1, ENOENT = 2, EACCES = 13;
    private const int MaxPath = 4096; // PATH_MAX, including the terminating null

    /// <summary>Resolves all links in the path of a folder. A <c>..</c> after a link refers to the parent of the link's target.</summary>
    /// <exception cref="IOException">The folder does not exist.</exception>
    public static string ResolveFolder(string path)
    {
        var real = new byte[MaxPath];
        if (realpath(path, real) == 0)
            throw CreateException(path);
        return Encoding.UTF8.GetString(real, 0, Array.IndexOf(real, (byte)0));
    }

    /// <summary>Throws unless this process may write to a file.</summary>
    /// <exception cref="UnauthorizedAccessException">It may not.</exception>
    public static void RequireWritable(string path)
    {
        if (access(path, MayWrite) != 0)
            throw CreateException(path);
    }

    /// <summary>Creates the exception for the last error.</summary>
    public static Exception CreateException(string path)
    {
        var number = Marshal.GetLastPInvokeError();
        var message = $"{Marshal.GetPInvokeErrorMessage(number)}: '{path}'";
        return number switch
        {
            EPERM or EACCES => new UnauthorizedAccessException(message),
            ENOENT => new DirectoryNotFoundException(message),
            _ => new IOException(message) { HResult = number },
        };
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial nint realpath(string path, byte[] resolved);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int access(string path, int mode);
}
