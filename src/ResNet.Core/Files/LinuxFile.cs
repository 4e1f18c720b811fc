using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ResNet.Core.Files;

/// <summary>What Linux knows of a file and .NET does not tell: its type, its owner and its access control list.</summary>
internal sealed partial class LinuxFile
{
    private const string AccessList = "system.posix_acl_access";
    private const int ENOENT = 2;
    private const int FromCurrentFolder = -100, NoFollow = 0x100; // AT_FDCWD, AT_SYMLINK_NOFOLLOW
    private const uint TypeAndOwner = 0x1 | 0x8 | 0x10; // STATX_TYPE, STATX_UID, STATX_GID
    private const uint Unchanged = uint.MaxValue;

    private readonly string _path;
    private readonly Statx _status;

    private LinuxFile(string path, Statx status) => (_path, _status) = (path, status);

    public bool IsRegular => (_status.Mode & 0xF000) == 0x8000; // S_IFMT, S_IFREG

    /// <summary>Null if there is none.</summary>
    /// <exception cref="IOException">There can be none: its name is too long, links lead in a circle, or what should be a folder is none.</exception>
    public static LinuxFile? Find(string path, bool followLink)
    {
        if (statx(FromCurrentFolder, path, followLink ? 0 : NoFollow, TypeAndOwner, out var status) == 0)
            return new LinuxFile(path, status);
        return Marshal.GetLastPInvokeError() == ENOENT ? null : throw Libc.Error(path);
    }

    /// <summary>Gives another file the same owner, as far as this process may, the same group, and the same access control list or none.</summary>
    /// <returns>Whether that file's group may be allowed what this one's is.</returns>
    public bool TryGiveGroupTo(SafeFileHandle file) =>
        (fchown(file, _status.Owner, _status.Group) == 0 || fchown(file, Unchanged, _status.Group) == 0) && TryGiveAccessListTo(file);

    private bool TryGiveAccessListTo(SafeFileHandle file)
    {
        var list = new byte[Math.Max(0, getxattr(_path, AccessList, null, 0))];
        if (list.Length > 0)
            return getxattr(_path, AccessList, list, list.Length) == list.Length && fsetxattr(file, AccessList, list, list.Length, 0) == 0;
        _ = fremovexattr(file, AccessList); // the folder's, which every new file in it gets
        return true;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int statx(int folder, string path, int flags, uint mask, out Statx status);

    [LibraryImport("libc")]
    private static partial int fchown(SafeFileHandle file, uint owner, uint group);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint getxattr(string path, string name, byte[]? value, nint size);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int fsetxattr(SafeFileHandle file, string name, byte[] value, nint size, int flags);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int fremovexattr(SafeFileHandle file, string name);

    /// <summary>The same on every processor, unlike stat.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx
    {
        [FieldOffset(20)]
        public uint Owner;

        [FieldOffset(24)]
        public uint Group;

        [FieldOffset(28)]
        public ushort Mode;
    }
}
