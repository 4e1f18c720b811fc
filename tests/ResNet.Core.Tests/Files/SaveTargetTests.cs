using System.Diagnostics;
using System.Text;
using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Files;

/// <summary>What may be at the path of a save: a file, a link, a folder, a device.</summary>
public sealed class SaveTargetTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly nn.Module _module = nn.Linear(2, 3);

    public void Dispose()
    {
        _module.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData('a')]
    [InlineData('é')]
    [InlineData('漢')]
    public void A_name_may_be_as_long_as_the_file_system_allows(char letter)
    {
        var letters = OperatingSystem.IsWindows() ? 251 : 251 / Encoding.UTF8.GetByteCount([letter]); // at most 255 characters or 255 bytes
        AssertSaves(new string(letter, letters) + ".pth");
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_name_that_is_too_long_is_refused() => AssertRefused<IOException>(new string('a', 252) + ".pth", "");

    [Fact]
    public void A_folder_is_refused()
    {
        Directory.CreateDirectory(_folder["folder.pth"]);
        AssertRefused<UnauthorizedAccessException>("folder.pth", "expected a file, got a folder");
        Assert.Equal([_folder["folder.pth"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_missing_folder_is_refused()
    {
        AssertRefused<DirectoryNotFoundException>("none/model.pth", "none");
        _folder.Write("file", []);
        AssertRefused<IOException>("file/model.pth", "");
        Assert.Equal([_folder["file"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_link_stays_a_link()
    {
        _folder.Write("run1.pth", []);
        try
        {
            CreateLink("latest.pth", "run1.pth");
        }
        catch (IOException) when (OperatingSystem.IsWindows())
        {
            return; // Windows requires a privilege
        }
        AssertSaves("latest.pth", "run1.pth");

        CreateLink("newest.pth", _folder["latest.pth"]);
        AssertSaves("newest.pth", "run1.pth");

        CreateLink("next.pth", "run2.pth"); // does not exist yet
        AssertSaves("next.pth", "run2.pth");

        Assert.Equal(
            [(_folder["latest.pth"], "run1.pth"), (_folder["newest.pth"], _folder["latest.pth"]), (_folder["next.pth"], "run2.pth"), (_folder["run1.pth"], null), (_folder["run2.pth"], null)],
            Directory.GetFileSystemEntries(_folder.Path).Order().Select(file => (file, new FileInfo(file).LinkTarget)));
    }

    [LinuxFact]
    public void A_relative_link_is_resolved_from_its_real_folder()
    {
        foreach (var folder in (string[])["runs", "disk/runs", "disk/deep"])
            Directory.CreateDirectory(_folder[folder]);
        CreateLink("short", "disk/deep");
        CreateLink("disk/deep/latest.pth", "../runs/model.pth");

        AssertSaves("short/latest.pth", "disk/runs/model.pth");
        Assert.Empty(Directory.GetFileSystemEntries(_folder["runs"]));
    }

    [LinuxFact]
    public void Links_without_a_valid_target_are_refused()
    {
        CreateLink("a.pth", "b.pth");
        CreateLink("b.pth", "a.pth");
        AssertRefused<IOException>("a.pth", "symbolic links");

        CreateLink("c.pth", "none/model.pth");
        AssertRefused<DirectoryNotFoundException>("c.pth", "none");

        CreateLink("d.pth", "..");
        AssertRefused<UnauthorizedAccessException>("d.pth", "got a folder");
        Assert.Equal(4, Directory.GetFileSystemEntries(_folder.Path).Length);
    }

    /// <summary>A rename would replace even <c>/dev/null</c>. The test creates a device of its own, in case that happens.</summary>
    [LinuxFact]
    public void Devices_and_FIFOs_are_refused()
    {
        Tool.Run(_folder.Path, "mkfifo", "fifo.pth").AssertSucceeded();
        AssertRefused<IOException>("fifo.pth", "expected a regular file");
        CreateLink("link.pth", "fifo.pth");
        AssertRefused<IOException>("link.pth", "expected a regular file");
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder.Path).Length);

        if (Tool.Run(_folder.Path, "mknod", "null.pth", "c", "1", "3").Code == 0) // needs a privilege
            AssertRefused<IOException>("null.pth", "expected a regular file");
    }

    /// <summary>Without care, the signal SIGXFSZ ends the process and leaves a temporary file.</summary>
    [LinuxFact]
    public void A_save_beyond_the_file_size_limit_is_refused()
    {
        foreach (var path in (string[])[_folder["model.pth"], _folder["model.safetensors"]])
        {
            File.WriteAllBytes(path, [1, 2, 3]);
            var start = new ProcessStartInfo("/bin/sh", ["-c", "ulimit -f 2000; exec \"$@\"", "sh", DotnetHost.Path, typeof(ChildProcess).Assembly.Location, "try-save", path])
            {
                RedirectStandardOutput = true,
                Environment = { ["DOTNET_EnableWriteXorExecute"] = "0" }, // it needs a large file
            };
            using var child = Process.Start(start)!;
            Assert.StartsWith($"System.IO.IOException: {path}: cannot be written: it exceeds the file size limit: ", child.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
            Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        }
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder.Path).Length);
    }

    private void CreateLink(string link, string target) => File.CreateSymbolicLink(_folder[link], target);

    private void AssertSaves(string name, string? target = null)
    {
        using (no_grad())
            ((TorchSharp.Modules.Linear)_module).weight.add_(1);
        Checkpoint.Save(_module, _folder[name]);
        using var loaded = nn.Linear(2, 3);
        Checkpoint.Load(loaded, _folder[target ?? name]);
        Assert.Equal(_module.state_dict()["weight"].data<float>().ToArray(), loaded.weight.data<float>().ToArray());
    }

    private void AssertRefused<T>(string name, string reason)
        where T : Exception
    {
        var problem = Assert.ThrowsAny<T>(() => Checkpoint.Save(_module, _folder[name]));
        Assert.StartsWith($"{_folder[name]}: cannot be written: ", problem.Message, StringComparison.Ordinal);
        Assert.Contains(reason, problem.Message, StringComparison.Ordinal);
    }
}
