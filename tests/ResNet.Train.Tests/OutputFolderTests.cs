using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class OutputFolderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_folder_is_created_with_its_parents_and_is_empty()
    {
        _ = new OutputFolder(_folder["a/b"]);
        Assert.Empty(Directory.GetFileSystemEntries(_folder["a/b"]));
    }

    [Fact]
    public void A_file_in_its_place_is_refused()
    {
        var problem = Assert.Throws<UserException>(() => new OutputFolder(_folder.Write("file", [])));
        Assert.Contains("--out: expected a folder that can be written", problem.Message, StringComparison.Ordinal);
    }

    [UnixFact]
    public void A_broken_link_is_refused()
    {
        Directory.CreateSymbolicLink(_folder["link"], "nowhere");
        foreach (var path in new[] { _folder["link"], _folder["link/"], _folder["link/run"] })
        {
            var problem = Assert.Throws<UserException>(() => new OutputFolder(path));
            Assert.Equal($"--out: expected a folder that can be written, got '{path}': '{_folder["link"]}' is a link to 'nowhere', which is not a folder", problem.Message);
        }
        Assert.Throws<UserException>(() => new OutputFolder("a\0b"));
    }

    [Fact]
    public void A_file_is_replaced_and_nothing_else_is_left()
    {
        _folder.Write("file", [1, 2, 3]);
        var path = new OutputFolder(_folder.Path).Write("file", [4]);

        Assert.Equal(_folder["file"], path);
        Assert.Equal([4], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("model.pth")]
    [InlineData("model.safetensors")]
    public void Weights_are_replaced_and_nothing_else_is_left(string name)
    {
        _folder.Write(name, [1, 2, 3]);
        using var layer = nn.Linear(2, 3);
        var path = new OutputFolder(_folder.Path).Write(name, layer);

        Assert.Equal(_folder[name], path);
        using var same = nn.Linear(2, 3);
        Checkpoint.Load(same, path);
        Assert.Equal(0, Network.ComputeDistance(layer.parameters(), same.parameters()));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_failed_write_leaves_the_old_file(bool weights)
    {
        var path = _folder.Write("file.pth", [1, 2, 3]);
        File.SetAttributes(path, FileAttributes.ReadOnly);

        AssertCannotBeWritten(new OutputFolder(_folder.Path), weights);

        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
        File.SetAttributes(path, FileAttributes.Normal); // Windows does not delete read-only files
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_folder_in_the_files_place_stays(bool weights)
    {
        Directory.CreateDirectory(_folder["file.pth/in its place"]);

        AssertCannotBeWritten(new OutputFolder(_folder.Path), weights);

        Assert.Equal([_folder["file.pth"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_file_keeps_its_permissions()
    {
        if (OperatingSystem.IsWindows())
            return; // no such permissions
        var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.SetUnixFileMode(_folder.Write("metrics.csv", []), mode);
        Assert.Equal(mode, File.GetUnixFileMode(new OutputFolder(_folder.Path).Write("metrics.csv", [4])));
    }

    /// <summary>Windows does not replace a file that is being read.</summary>
    [UnixFact]
    public async Task A_file_with_several_writers_is_always_complete()
    {
        var output = new OutputFolder(_folder.Path);
        byte[][] contents = [[.. Enumerable.Repeat((byte)1, 100_000)], [.. Enumerable.Repeat((byte)2, 200_000)]];
        output.Write("file", contents[0]);
        var writing = Task.WhenAll(contents.Select(content => Task.Run(() =>
        {
            for (var time = 0; time < 200; time++)
                output.Write("file", content);
        })));
        while (!writing.IsCompleted)
            Assert.Contains(File.ReadAllBytes(_folder["file"]), contents);
        await writing;
        Assert.Equal([_folder["file"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_deleted_folder_is_reported(bool weights)
    {
        var output = new OutputFolder(_folder["gone"]);
        Directory.Delete(_folder["gone"]);

        AssertCannotBeWritten(output, weights);
    }

    private static void AssertCannotBeWritten(OutputFolder output, bool weights)
    {
        using var layer = nn.Linear(2, 3);
        var problem = Assert.Throws<UserException>(() => weights ? output.Write("file.pth", layer) : output.Write("file.pth", [4]));
        Assert.Contains("file.pth: cannot be written: ", problem.Message, StringComparison.Ordinal);
    }
}
