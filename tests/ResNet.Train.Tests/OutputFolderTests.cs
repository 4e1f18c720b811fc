using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class OutputFolderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_is_made_with_what_is_above_it_and_is_empty()
    {
        _ = new OutputFolder(_folder["a/b"]);
        Assert.Empty(Directory.GetFileSystemEntries(_folder["a/b"]));
    }

    [Fact]
    public void A_file_in_its_place_is_told()
    {
        var problem = Assert.Throws<UserException>(() => new OutputFolder(_folder.Write("file", [])));
        Assert.Contains("--out: expected a folder that can be written", problem.Message, StringComparison.Ordinal);
    }

    [UnixFact]
    public void A_link_that_leads_nowhere_is_told()
    {
        Directory.CreateSymbolicLink(_folder["link"], "nowhere");
        foreach (var path in new[] { _folder["link"], _folder["link/"], _folder["link/run"] })
        {
            var problem = Assert.Throws<UserException>(() => new OutputFolder(path));
            Assert.Equal($"--out: expected a folder that can be written, got '{path}': '{_folder["link"]}' is a link to 'nowhere', which is no folder", problem.Message);
        }
        Assert.Throws<UserException>(() => new OutputFolder("a\0b"));
    }

    [Fact]
    public void A_file_is_replaced_whole()
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
    public void Weights_are_replaced_whole(string name)
    {
        _folder.Write(name, [1, 2, 3]);
        using var layer = nn.Linear(2, 3);
        var path = new OutputFolder(_folder.Path).Write(name, layer);

        Assert.Equal(_folder[name], path);
        using var same = nn.Linear(2, 3);
        Checkpoint.Load(same, path);
        Assert.Equal(0, Network.Distance(layer.parameters(), same.parameters()));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_write_that_fails_leaves_what_was_there(bool weights)
    {
        var path = _folder.Write("file.pth", [1, 2, 3]);
        File.SetAttributes(path, FileAttributes.ReadOnly);

        CannotBeWritten(new OutputFolder(_folder.Path), weights);

        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
        File.SetAttributes(path, FileAttributes.Normal); // Windows deletes no other
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_folder_in_its_place_stays(bool weights)
    {
        Directory.CreateDirectory(_folder["file.pth/in its place"]);

        CannotBeWritten(new OutputFolder(_folder.Path), weights);

        Assert.Equal([_folder["file.pth"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_file_keeps_its_permissions()
    {
        if (OperatingSystem.IsWindows())
            return; // which has none of these
        var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.SetUnixFileMode(_folder.Write("metrics.csv", []), mode);
        Assert.Equal(mode, File.GetUnixFileMode(new OutputFolder(_folder.Path).Write("metrics.csv", [4])));
    }

    [Fact]
    public async Task Of_those_who_write_a_file_at_the_same_time_the_last_wins()
    {
        if (OperatingSystem.IsWindows())
            return; // which refuses to replace a file while somebody reads it
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
    public void A_folder_that_has_gone_is_told(bool weights)
    {
        var output = new OutputFolder(_folder["gone"]);
        Directory.Delete(_folder["gone"]);

        CannotBeWritten(output, weights);
    }

    private static void CannotBeWritten(OutputFolder output, bool weights)
    {
        using var layer = nn.Linear(2, 3);
        var problem = Assert.Throws<UserException>(() => weights ? output.Write("file.pth", layer) : output.Write("file.pth", [4]));
        Assert.Contains("file.pth: cannot be written: ", problem.Message, StringComparison.Ordinal);
    }
}
