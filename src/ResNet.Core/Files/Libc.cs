using System.Runtime.InteropServices;
using System.Text;

namespace ResNet.Core.Files;

/// <summary>What Linux and macOS can tell about a path and .NET does not.</summary>
internal static partial class Libc
{
    private const int MayWrite = 2; // W_OK
    private const int EPERM = 1, ENOENT = 2, EACCES = 13;
    private const int LongestPath = 4096; // PATH_MAX, with the zero at the end

    /// <summary>The folder that a path leads to, without links: <c>..</c> after a link is the folder above the one that the link leads to.</summary>
    /// <exception cref="IOException">It is not there, or is no folder.</exception>
    public static string RealFolder(string path)
    {
        var real = new byte[LongestPath];
        if (realpath(path, real) == 0)
            throw Error(path);
        return Encoding.UTF8.GetString(real, 0, Array.IndexOf(real, (byte)0));
    }

    /// <exception cref="UnauthorizedAccessException">This process may not write to the file.</exception>
    public static void RequireWritable(string path)
    {
        if (access(path, MayWrite) != 0)
            throw Error(path);
    }

    /// <summary>What the last call said.</summary>
    public static Exception Error(string path)
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
