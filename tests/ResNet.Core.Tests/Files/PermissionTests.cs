using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Files;

/// <summary>A save keeps the permissions of the file that it replaces, and does not replace a read-only file.</summary>
public sealed class PermissionTests : IDisposable
{
    private const string AccessList = "system.posix_acl_access", DefaultAccessList = "system.posix_acl_default";

    private readonly TempFolder _folder = new();
    private readonly nn.Module _module = nn.Linear(2, 3);
    private readonly string _path;

    public PermissionTests() => _path = _folder.Write("model.pth", [1, 2, 3]);

    public void Dispose()
    {
        _module.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("600")]
    [InlineData("640")]
    [InlineData("666")]
    [InlineData("755")]
    public void A_save_keeps_the_files_mode(string octal)
    {
        if (OperatingSystem.IsWindows())
            return; // Windows has no file modes
        var mode = (UnixFileMode)Convert.ToInt32(octal, 8);
        File.SetUnixFileMode(_path, mode);
        Checkpoint.Save(_module, _path);
        Assert.Equal(mode, File.GetUnixFileMode(_path));
    }

    [Fact]
    public void A_new_file_gets_the_default_mode()
    {
        Checkpoint.Save(_module, _folder["new.pth"]);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(File.GetUnixFileMode(_path), File.GetUnixFileMode(_folder["new.pth"]));
    }

    [LinuxFact]
    [SupportedOSPlatform("linux")]
    public void The_temporary_file_never_has_wider_permissions()
    {
        var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.SetUnixFileMode(_path, mode);
        using var child = ChildProcess.Start("save", _path);
        for (var seen = 0; seen < 30;)
            foreach (var partial in Directory.GetFiles(_folder.Path, "*.partial"))
                try
                {
                    Assert.Equal(mode, File.GetUnixFileMode(partial));
                    seen++;
                }
                catch (FileNotFoundException)
                {
                    // It has been renamed since.
                }
        child.Kill();
        child.WaitForExit();
    }

    [Fact]
    public void A_read_only_file_is_refused()
    {
        File.SetAttributes(_path, FileAttributes.ReadOnly);
        var problem = Assert.Throws<UnauthorizedAccessException>(() => Checkpoint.Save(_module, _path));
        Assert.StartsWith($"{_path}: cannot be written: ", problem.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_path));
        Assert.Equal([_path], Directory.GetFileSystemEntries(_folder.Path));
        File.SetAttributes(_path, FileAttributes.Normal); // Windows does not delete read-only files
    }

    [LinuxFact]
    public void A_save_keeps_the_owner_if_the_process_may_set_it()
    {
        if (!Environment.IsPrivilegedProcess)
            return;
        Tool.Run(_folder.Path, "chown", "12345:23456", "model.pth").AssertSucceeded();
        Checkpoint.Save(_module, _path);
        Assert.Equal("12345:23456", Tool.Run(_folder.Path, "stat", "-c", "%u:%g", "model.pth").AssertSucceeded().Output.Trim());
    }

    /// <summary>With a list, the mode's group bits are its mask. If the list got lost, they would become the group's own permissions.</summary>
    [LinuxFact]
    [SupportedOSPlatform("linux")]
    public void A_save_keeps_the_access_control_list()
    {
        File.SetUnixFileMode(_path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var list = CreateAccessControlList(12345);
        if (setxattr(_path, AccessList, list, list.Length, 0) != 0)
            return; // the file system has no access control lists
        Checkpoint.Save(_module, _path);

        var kept = new byte[list.Length];
        Assert.Equal(list.Length, getxattr(_path, AccessList, kept, kept.Length));
        Assert.Equal(list, kept);
    }

    [LinuxFact]
    [SupportedOSPlatform("linux")]
    public void The_folders_default_access_control_list_is_not_inherited()
    {
        var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        File.SetUnixFileMode(_path, mode);
        var list = CreateAccessControlList(12345);
        if (setxattr(_folder.Path, DefaultAccessList, list, list.Length, 0) != 0)
            return; // the file system has no access control lists
        Checkpoint.Save(_module, _path);

        Assert.Equal(-1, getxattr(_path, AccessList, null, 0));
        Assert.Equal(mode, File.GetUnixFileMode(_path));
    }

    /// <summary>user::rw-, user:(id):r--, group::---, mask::r--, other::---, in the binary form of the extended attribute.</summary>
    private static byte[] CreateAccessControlList(uint user)
    {
        const ushort Read = 4, Write = 2;
        var list = new List<byte>();
        list.AddRange(BitConverter.GetBytes(2)); // the version
        foreach (var (tag, rights, id) in ((ushort, ushort, uint)[])[(1, Read | Write, uint.MaxValue), (2, Read, user), (4, 0, uint.MaxValue), (16, Read, uint.MaxValue), (32, 0, uint.MaxValue)])
        {
            var entry = new byte[8];
            BinaryPrimitives.WriteUInt16LittleEndian(entry, tag);
            BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(2), rights);
            BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(4), id);
            list.AddRange(entry);
        }
        return [.. list];
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int setxattr(string path, string name, byte[] value, nint size, int flags);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern nint getxattr(string path, string name, byte[]? value, nint size);
}
