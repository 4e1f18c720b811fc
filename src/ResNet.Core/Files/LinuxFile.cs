using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Files;

/// <summary>Properties of a file on Linux that .NET does not expose: type, links, owner and access control list.</summary>
internal sealed partial class LinuxFile
{
    private const string AccessList = "system.posix_acl_access";
    private const int ENOENT = 2;
    private const int FromCurrentFolder = -100, NoFollow = 0x100, OfHandle = 0x1000; // AT_FDCWD, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH
    private const uint TypeAndOwner = 0x1 | 0x8 | 0x10; // STATX_TYPE, STATX_UID, STATX_GID
    private const uint LinkCount = 0x4; // STATX_NLINK
    private const uint Unchanged = uint.MaxValue;

    private readonly string _path;
    private readonly Statx _status;

    private LinuxFile(string path, Statx status) => (_path, _status) = (path, status);

    public bool IsRegular => (_status.Mode & 0xF000) == 0x8000; // S_IFMT, S_IFREG

    /// <summary>Finds a file; null if it does not exist.</summary>
    /// <exception cref="IOException">The path is invalid: too long, with circular links, or through something that is not a folder.</exception>
    public static LinuxFile? Find(string path, bool followLink)
    {
        if (statx(FromCurrentFolder, path, followLink ? 0 : NoFollow, TypeAndOwner, out var status) == 0)
            return new LinuxFile(path, status);
        return Marshal.GetLastPInvokeError() == ENOENT ? null : throw Libc.CreateException(path);
    }

    /// <summary>Whether an open file has been deleted. A file at its path is then another one.</summary>
    public static bool IsDeleted(SafeFileHandle file) => statx(file, "", OfHandle, LinkCount, out var status) == 0 && status.Links == 0;

    /// <summary>Copies the owner (if this process may), the group and the access control list to another file.</summary>
    /// <returns>Whether the other file's group may get the permissions of this one's.</returns>
    public bool TryCopyGroupTo(SafeFileHandle file) =>
        (fchown(file, _status.Owner, _status.Group) == 0 || fchown(file, Unchanged, _status.Group) == 0) && TryCopyAccessListTo(file);

    private bool TryCopyAccessListTo(SafeFileHandle file)
    {
        var list = new byte[Math.Max(0, getxattr(_path, AccessList, null, 0))];
        if (list.Length > 0)
            return getxattr(_path, AccessList, list, list.Length) == list.Length && fsetxattr(file, AccessList, list, list.Length, 0) == 0;
        _ = fremovexattr(file, AccessList); // the default list that a new file inherits from its folder
        return true;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int statx(int folder, string path, int flags, uint mask, out Statx status);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle file, string path, int flags, uint mask, out Statx status);

    [LibraryImport("libc")]
    private static partial int fchown(SafeFileHandle file, uint owner, uint group);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint getxattr(string path, string name, byte[]? value, nint size);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int fsetxattr(SafeFileHandle file, string name, byte[] value, nint size, int flags);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int fremovexattr(SafeFileHandle file, string name);

    /// <summary><c>struct statx</c>, which unlike <c>struct stat</c> is the same on every processor.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx
    {
        [FieldOffset(16)]
        public uint Links;

        [FieldOffset(20)]
        public uint Owner;

        [FieldOffset(24)]
        public uint Group;

        [FieldOffset(28)]
        public ushort Mode;
    }
}
