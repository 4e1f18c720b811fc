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
        _folder.Write("file.pth", [1, 2, 3]);
        Directory.CreateDirectory(_folder["file.pth.partial"]); // where it is written first

        CannotBeWritten(new OutputFolder(_folder.Path), weights);

        Assert.Equal([1, 2, 3], File.ReadAllBytes(_folder["file.pth"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_write_that_fails_at_its_end_leaves_nothing_behind(bool weights)
    {
        Directory.CreateDirectory(_folder["file.pth/in its place"]);

        CannotBeWritten(new OutputFolder(_folder.Path), weights);

        Assert.Equal([_folder["file.pth"]], Directory.GetFileSystemEntries(_folder.Path));
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
