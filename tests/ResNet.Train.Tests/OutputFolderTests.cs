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
        var path = new OutputFolder(_folder.Path).Write("file", path => File.WriteAllBytes(path, [4]));

        Assert.Equal(_folder["file"], path);
        Assert.Equal([4], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_write_that_fails_leaves_what_was_there()
    {
        _folder.Write("file", [1, 2, 3]);

        var problem = Assert.Throws<UserException>(() => new OutputFolder(_folder.Path).Write("file", path =>
        {
            File.WriteAllBytes(path, [4]);
            throw new IOException("the disk is full");
        }));

        Assert.Contains("the disk is full", problem.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_folder["file"]));
        Assert.Equal([_folder["file"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_folder_that_has_gone_is_told()
    {
        var output = new OutputFolder(_folder["gone"]);
        Directory.Delete(_folder["gone"]);

        Assert.Contains("cannot be written", Assert.Throws<UserException>(() => output.Write("file", path => File.WriteAllBytes(path, []))).Message, StringComparison.Ordinal);
    }
}
