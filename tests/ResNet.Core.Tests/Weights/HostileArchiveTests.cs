using System.IO.Pipes;
using static ResNet.Core.Tests.Weights.Pickled;

namespace ResNet.Core.Tests.Weights;

/// <summary>Zip archives that are not what torch.save writes.</summary>
public sealed class HostileArchiveTests : IDisposable
{
    private static readonly byte[] pickle = Dict("weight", Tensor(Storage(), 0, Ints(2, 2), Ints(2, 1)));

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void AssertRefused(byte[] file, params string[] message) => Hostile.AssertRefused(_folder.Write("weights.pth", file), message);

    [Theory]
    [InlineData("refused_numpy.pth", "the keys weight, expected tensors")]
    public void Arrays_in_place_of_tensors_are_refused(string file, params string[] message) => Hostile.AssertRefused(WeightsFixture.Find(file), message);

    [LinuxFact]
    public void A_pipe_is_refused()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        using var block = new BasicBlock(3, 4, stride: 2);
        var path = $"/proc/self/fd/{pipe.SafePipeHandle.DangerousGetHandle()}";
        Assert.Contains("is a pipe", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(block, path)).Message, StringComparison.Ordinal);
    }

    /// <summary>To open it would block until somebody writes to it.</summary>
    [LinuxFact]
    public void A_FIFO_without_a_writer_is_refused_without_blocking()
    {
        Tool.Run(_folder.Path, "mkfifo", "weights.pth").AssertSucceeded();
        using var block = new BasicBlock(3, 4, stride: 2);
        Assert.Contains("weights.pth: is a pipe", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(block, Path.Combine(_folder.Path, "weights.pth"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Entries_added_by_newer_PyTorch_versions_are_ignored()
    {
        using var bag = new TensorBag(("weight", TorchSharp.torch.ones(2, 2)));
        var path = _folder.Write("weights.pth", Zip.Create(
            ("best/data.pkl", pickle), ("best/.format_version", "1"u8.ToArray()), ("best/.storage_alignment", "64"u8.ToArray()), ("best/byteorder", "little"u8.ToArray()),
            ("best/data/0", new byte[16]), ("best/version", "3\n"u8.ToArray()), ("best/.data/serialization_id", new byte[40])));
        Assert.Equal(["weight"], Checkpoint.Load(bag, path).Loaded);

        // The folder is named after the saved file.
        path = _folder.Write("weights.pth", Zip.Create(("run 2026-11-23T12:30..best/data.pkl", pickle), ("run 2026-11-23T12:30..best/data/0", new byte[16])));
        Assert.Equal(["weight"], Checkpoint.Load(bag, path).Loaded);
    }

    [Theory]
    [InlineData("/archive/data/1")]
    [InlineData("../data/1")]
    [InlineData("archive/../../data/1")]
    [InlineData("..\\data\\1")]
    [InlineData("C:/data/1")]
    public void Entry_names_that_leave_the_archive_are_refused(string name) =>
        AssertRefused(Zip.Create(("archive/data.pkl", pickle), ("archive/data/0", new byte[16]), (name, [])), $"an entry '{name}'");

    [Fact]
    public void Duplicate_entries_are_refused()
    {
        AssertRefused(Zip.Create(("archive/data.pkl", pickle), ("archive/data/0", new byte[16]), ("archive/data/0", new byte[16])), "'archive/data/0' twice");
        AssertRefused(Zip.Create(("archive/data.pkl", pickle), ("other/data.pkl", pickle)), "2 files data.pkl");
        AssertRefused(Zip.Create(("archive/data/0", new byte[16])), "without data.pkl");
        AssertRefused(Zip.Create(("archive/mydata.pkl", pickle)), "without data.pkl");
    }

    [Fact]
    public void Zip_bombs_are_refused()
    {
        AssertRefused(Zip.Create(compressed: "archive/data.pkl", ("archive/data.pkl", new byte[4_000_000])), "an entry 'archive/data.pkl' that is compressed");
        AssertRefused(Zip.Create(compressed: "archive/data/0", ("archive/data.pkl", Dict("weight", Tensor(Storage(count: 25_000_000), 0, Ints(5000, 5000), Ints(5000, 1)))), ("archive/data/0", new byte[100_000_000])), "an entry 'archive/data/0' that is compressed");
        AssertRefused(Zip.WithSizes(CreateArchive(pickle), uint.MaxValue - 1), "longer than the file", "4,294,967,294 bytes");
        AssertRefused(Zip.WithSizes(CreateArchive(pickle), int.MaxValue), "longer than the file", "2,147,483,647 bytes");

        // A thousand entries that share the same megabyte
        var entries = Enumerable.Range(0, 1000).Select(i => ($"archive/data/{i}", new byte[i == 999 ? 1 << 20 : 0]));
        AssertRefused(Zip.WithSizes(Zip.WithOverlaps(Zip.Create([("archive/data.pkl", pickle), .. entries])), 1 << 20), "longer than the file");
        AssertRefused(Zip.Create(("archive/data.pkl", new byte[(64 << 20) + 1])), "a data.pkl of 67,108,865 bytes, expected at most 67,108,864");
    }

    /// <summary>Overwrites every field of the archive's own structures.</summary>
    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_forged_directory_is_refused_or_harmless()
    {
        using var bag = new TensorBag(("weight", TorchSharp.torch.ones(2, 2)));
        foreach (var file in new[] { CreateArchive(pickle), Zip.WithCount(CreateArchive(pickle), 3) })
        {
            var (refused, directory) = (0, file.AsSpan().IndexOf("PK\x01\x02"u8));
            foreach (var at in Enumerable.Range(0, 70).Concat(Enumerable.Range(directory, file.Length - directory)))
                foreach (var number in new[] { 0, 1, 0x7f, 0x80, 0xff })
                    foreach (var length in new[] { 1, 2, 4, 8 })
                    {
                        var forged = (byte[])file.Clone();
                        forged.AsSpan(at, Math.Min(length, file.Length - at)).Fill((byte)number);
                        try
                        {
                            Checkpoint.Load(bag, _folder.Write("weights.pth", forged));
                            Assert.Equal(0, bag.state_dict()["weight"].sum().item<float>());
                        }
                        catch (InvalidDataException problem)
                        {
                            Assert.StartsWith(_folder["weights.pth"], problem.Message, StringComparison.Ordinal);
                            refused++;
                        }
                    }
            Assert.InRange(refused, 1000, 100_000);
        }
    }

    [Fact]
    public void Entries_that_contradict_the_directory_are_refused()
    {
        var file = CreateArchive(pickle);
        var name = file.AsSpan().IndexOf("archive/data.pkl"u8);
        file[name] = (byte)'X';
        AssertRefused(file, "is a damaged zip archive: 'archive/data.pkl' is not where its directory says");
        file[name] = (byte)'a';
        file[name - 1] = 0xff; // the length of the extra field before the data
        AssertRefused(file, "is a damaged zip archive: 'archive/data.pkl' extends beyond the end of the file");
    }

    [Fact]
    public void A_big_endian_file_is_refused() =>
        AssertRefused(Zip.Create(("archive/data.pkl", pickle), ("archive/byteorder", "big"u8.ToArray()), ("archive/data/0", new byte[16])), "big-endian");

    [Fact]
    public void Data_with_a_wrong_checksum_is_refused()
    {
        using var bag = new TensorBag(("weight", TorchSharp.torch.ones(2, 2)));
        using var unchanged = new Unchanged(bag);
        byte[] data = [.. Enumerable.Range(100, 16).Select(i => (byte)i)];
        var file = Zip.Create(("archive/data.pkl", pickle), ("archive/data/0", data));
        Checkpoint.Load(bag, _folder.Write("weights.pth", file));
        unchanged.Restore();

        file[file.AsSpan().IndexOf(data) + 7] ^= 1;
        Checkpoint.Load(bag, _folder.Write("weights.pth", Zip.WithoutChecksums(file)));
        unchanged.Restore();
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, _folder.Write("weights.pth", file)));
        Assert.Contains("is damaged: the checksum of 'archive/data/0' is ", problem.Message, StringComparison.Ordinal);
        unchanged.Assert();
    }
}
