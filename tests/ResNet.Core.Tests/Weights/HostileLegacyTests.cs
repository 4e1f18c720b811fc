using static ResNet.Core.Tests.Weights.Pickled;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Files that begin like those of torch.save before PyTorch 1.6, but continue differently.</summary>
public sealed class HostileLegacyTests : IDisposable
{
    private static readonly byte[] pickle = CreateDict(LegacyStorage());

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Creates a dict with a tensor of the first four elements of a storage.</summary>
    private static byte[] CreateDict(byte[] storage) => Dict("weight", Tensor(storage, 0, Ints(2, 2), Ints(2, 1)));

    private void AssertRefused(byte[] file, params string[] message) => Hostile.AssertRefused(_folder.Write("weights.pth", file), message);

    private float[] LoadWeight(byte[] file)
    {
        using var bag = new TensorBag(("weight", ones(2, 2)));
        Assert.Equal(["weight"], Checkpoint.Load(bag, _folder.Write("weights.pth", file)).Loaded);
        return bag.state_dict()["weight"].data<float>().ToArray();
    }

    private static byte[] GetBytes(params IEnumerable<float> numbers) => [.. numbers.SelectMany(BitConverter.GetBytes)];

    [Fact]
    public void Handwritten_files_load_when_nothing_is_wrong()
    {
        Assert.Equal([0, 0, 0, 0], LoadWeight(CreateLegacyFile(pickle)));
        // Storages in any order, some of unsupported types and used by no tensor. The data of each follows that of the one before it.
        byte[] others = Tuple(LegacyStorage("ComplexFloatStorage", "c", 2), LegacyStorage("HalfStorage", "h", 3), LegacyStorage("QInt32Storage", "q", 3), LegacyStorage("ByteStorage", "empty", 0), LegacyStorage());
        Assert.Equal([1, 2, 3, 4], LoadWeight([.. LegacyStart, .. Dict("weight", [.. others, (byte)'0', .. Tensor(LegacyStorage(), 0, Ints(2, 2), Ints(2, 1))]),
            .. Keys("h", "empty", "q", "c", "0"), .. Int64(3), .. new byte[6], .. Int64(0), .. Int64(3), .. new byte[12], .. Int64(2), .. new byte[16], .. Int64(4), .. GetBytes(1, 2, 3, 4)]));
        // PyTorch's C++ library wrote an empty dict for the machine, and the keys as a tuple.
        Assert.Equal([1, 2, 3, 4], LoadWeight([.. LegacyStart[..^Dict("little_endian", [0x88]).Length], .. Proto, .. "}."u8, .. pickle, .. Proto, .. Tuple(Text("0")), (byte)'.', .. Int64(4), .. GetBytes(1, 2, 3, 4)]));
    }

    [Fact]
    public void A_view_must_lie_within_its_storage()
    {
        Assert.Equal([3, 4, 5, 6], LoadWeight([.. LegacyStart, .. CreateDict(LegacyStorage(count: 7, view: View("1", 2, 4))), .. Keys("0"), .. Int64(7), .. GetBytes(1, 2, 3, 4, 5, 6, 7)]));

        AssertViewRefused("a view of 4 elements from 1 on, expected one within its storage of 4", View("1", 1, 4));
        AssertViewRefused("a view of 4 elements from -1 on", View("1", -1, 4));
        AssertViewRefused("a view of -1 elements from 0 on", View("1", 0, -1));
        AssertViewRefused("a view of 9,223,372,036,854,775,807 elements from 1 on", View("1", 1, long.MaxValue));
        AssertViewRefused("a view of 1 elements from 9,223,372,036,854,775,807 on", View("1", long.MaxValue, 1));
        AssertViewRefused("within its storage of 3 elements", View("1", 0, 3)); // the tensor has four
        AssertViewRefused("expected a view: (key, first element, number of elements)", Tuple(Text("1"), Int(0)));
        AssertViewRefused("two different storages by the key '0'", View("0", 0, 4));
        AssertViewRefused("a storage whose key has 1,001 characters", View(new string('k', 1001), 0, 4));

        void AssertViewRefused(string message, byte[] view) => AssertRefused(CreateLegacyFile(CreateDict(LegacyStorage(view: view))), message);
    }

    [Fact]
    public void One_key_refers_to_one_storage()
    {
        AssertConflictRefused("refers to storage '0' as 4 elements of torch.IntStorage, and elsewhere as 4 of torch.FloatStorage", LegacyStorage(), LegacyStorage("IntStorage"));
        AssertConflictRefused("refers to storage '0' as 5 elements of torch.FloatStorage, and elsewhere as 4", LegacyStorage(), LegacyStorage(count: 5));
        AssertConflictRefused("refers to storage '0' as 4 elements of torch.QInt8Storage", LegacyStorage(), LegacyStorage("QInt8Storage"));
        AssertConflictRefused("two different storages by the key '1'", LegacyStorage(view: View("1", 0, 4)), LegacyStorage(view: View("1", 0, 3)));
        AssertConflictRefused("two different storages by the key '1'", LegacyStorage(view: View("1", 0, 4)), LegacyStorage(key: "1"));
        AssertConflictRefused("two different storages by the key '1'", LegacyStorage(key: "1"), LegacyStorage(view: View("1", 0, 4)));
        AssertConflictRefused("two different storages by the key '1'", LegacyStorage(view: View("1", 0, 4)), LegacyStorage(key: "2", view: View("1", 0, 4)));

        void AssertConflictRefused(string message, byte[] one, byte[] other) => AssertRefused(CreateLegacyFile([.. Proto, .. one, .. other, (byte)'.']), message);
    }

    [Fact]
    public void Persistent_ids_other_than_storages_and_classes_are_refused()
    {
        AssertIdRefused("as -4 elements", LegacyStorage(count: -4));
        AssertIdRefused("of torch.NewStorage, whose elements are of unknown size", LegacyStorage("NewStorage"));
        AssertIdRefused("expected a storage", LegacyStorage("Tensor"));
        AssertIdRefused("expected a storage", Storage()); // of the zip format
        AssertIdRefused("expected a storage", [.. ")Q"u8]);
        AssertIdRefused("expected a storage", [.. Tuple(Text("storage"), "N"u8.ToArray()), (byte)'Q']);
        AssertIdRefused("expected a storage", [.. Tuple(Text("module"), Text("a"), Text("b"), Text("c")), (byte)'Q']);
        AssertIdRefused("a str on its stack", [.. Text("0"), (byte)'Q']);
        AssertIdRefused("asks for os.system", [.. Tuple(Text("module"), Global("os", "system"), Text("a.py"), Text("import os")), (byte)'Q']);

        void AssertIdRefused(string message, byte[] id) => AssertRefused(CreateLegacyFile(CreateDict(id)), message);
    }

    [Fact]
    public void Every_storage_must_be_listed_exactly_once()
    {
        byte[] data = [.. Int64(4), .. new byte[16]];
        AssertRefused([.. LegacyStart, .. pickle, .. Keys(), .. data], "refers to a storage '0' that the file does not have");
        AssertRefused([.. LegacyStart, .. pickle, .. Keys("0", "0"), .. data, .. data], "lists a storage '0', expected each storage that its pickle refers to, once");
        AssertRefused([.. LegacyStart, .. pickle, .. Keys("0", "1"), .. data, .. data], "lists a storage '1'");
        AssertRefused([.. LegacyStart, .. pickle, .. Keys("../0"), .. data], "lists a storage '../0'");
        AssertRefused([.. LegacyStart, .. pickle, .. Proto, .. "]K\u0000a."u8, .. data], "lists an int");
        AssertRefused([.. LegacyStart, .. pickle, .. Proto, .. "}."u8, .. data], "has a dict after its pickle, expected the list of its storages");
        AssertRefused([.. LegacyStart, .. CreateDict(LegacyStorage(key: "")), .. Keys(""), .. data], "lists a storage ''");
        AssertRefused([.. LegacyStart, .. pickle, .. Proto, (byte)']', .. LegacyStorage(), .. "a."u8, .. data], "where there is no storage");
    }

    [Fact]
    public void Storages_of_the_wrong_length_are_refused()
    {
        AssertDataRefused("has 3 elements in storage '0', expected 4", [.. Int64(3), .. new byte[12]]);
        AssertDataRefused("has -4 elements", [.. Int64(-4), .. new byte[16]]);
        AssertDataRefused("has 288,230,376,151,711,744 elements", [0, 0, 0, 0, 0, 0, 0, 4, .. new byte[16]]); // 4 in big-endian order
        AssertDataRefused("ends within storage '0': expected 16 more bytes, got 15; the download or copy was cut off", [.. Int64(4), .. new byte[15]]);
        AssertDataRefused("ends within storage '0': expected 8 more bytes, got 7", Int64(4)[..7]);
        AssertDataRefused("ends within storage '0': expected 8 more bytes, got 0", []);
        AssertDataRefused("has 1 bytes after its last storage", [.. Int64(4), .. new byte[17]]);
        AssertDataRefused("after its last storage", [.. Int64(4), .. new byte[16], .. CreateLegacyFile(pickle)]); // as after a second torch.save into one file

        const long More = long.MaxValue / 4 + 5; // 16 bytes if computed in 64 bits
        AssertRefused([.. LegacyStart, .. CreateDict(LegacyStorage(count: More)), .. Keys("0"), .. Int64(More), .. new byte[16]], "ends within storage '0': expected 9,223,372,036,854,775,824 more bytes, got 16");

        void AssertDataRefused(string message, byte[] data) => AssertRefused([.. LegacyStart, .. pickle, .. Keys("0"), .. data], message);
    }

    [Fact]
    public void A_header_that_torch_save_did_not_write_is_refused()
    {
        byte[] magic = LegacyStart[..15], version = [.. Proto, .. Int(1001), (byte)'.'], rest = CreateLegacyFile(pickle)[LegacyStart.Length..];
        AssertRefused([.. magic, .. Proto, .. Int(1002), (byte)'.', .. Dict("little_endian", [0x88]), .. rest], "is of version 1002 of the format", "expected 1001");
        AssertRefused([.. magic, .. Proto, .. Text("1001"), (byte)'.', .. Dict("little_endian", [0x88]), .. rest], "is of version a str");
        AssertRefused([.. magic, .. version, .. Dict("little_endian", [0x89]), .. rest], "was written on a big-endian machine, expected little-endian numbers");
        AssertRefused([.. magic, .. version, .. Dict("little_endian", Text("no")), .. rest], "was written on a big-endian machine");
        AssertRefused([.. magic, .. version, .. Proto, .. "N."u8, .. rest], "does not describe the machine that wrote it, expected a dict");
        AssertRefused([.. magic, .. version, .. Dict("little_endian", LegacyStorage()), .. rest], "where there is no storage");
        AssertRefused([.. magic, .. Proto, .. Global("os", "system"), .. Text("id"), 0x85, .. "R."u8], "asks for os.system");
        AssertRefused(magic, "its pickle ends too early: expected 1 more bytes, got 0 (at byte 15)");

        // One bit of the magic number is wrong
        magic[7] ^= 1;
        AssertRefused([.. magic, .. LegacyStart[15..], .. rest], "is a pickle that torch.save did not write");
    }

    /// <summary>A file may be large, but its pickle may not.</summary>
    [Fact]
    public void A_pickle_of_more_than_64_MB_is_refused_before_it_is_read()
    {
        var path = _folder.Write("weights.pth", [.. LegacyStart, .. Proto, 0x8d, .. Int64((64 << 20) + 1)]);
        using (var file = File.OpenWrite(path))
            file.SetLength(100_000_000);
        Hostile.AssertRefused(path, factor: 0, "its pickle is longer than 67,108,864 bytes");

        path = _folder.Write("weights.pth", [.. LegacyStart, .. Proto, (byte)'c']); // a name without end
        using (var file = File.OpenWrite(path))
            file.SetLength(100_000_000);
        Hostile.AssertRefused(path, factor: 0, "its pickle has a name or a number of more than 65,536 bytes");
    }

    /// <summary>The reader joins its buffers: a text longer than a buffer, names across the end of one, and the first byte after it.</summary>
    [Fact]
    public void A_pickle_longer_than_a_buffer_is_read_completely()
    {
        foreach (var length in Enumerable.Range(65_400, 150).Append(1_000_000))
            Assert.Equal([5, 6, 7, 8], LoadWeight([.. LegacyStart, .. Proto, .. Text(new string('x', length)), (byte)'0', .. pickle[2..], .. Keys("0"), .. Int64(4), .. GetBytes(5, 6, 7, 8)]));
        for (var before = 0; before < 3; before++) // characters of three bytes: a lost byte would not be UTF-8
            Assert.Equal([5, 6, 7, 8], LoadWeight([.. LegacyStart, .. Proto, .. Enumerable.Repeat("N0"u8.ToArray(), before).SelectMany(none => none), .. Text(new string('€', 30_000)), (byte)'0', .. pickle[2..], .. Keys("0"), .. Int64(4), .. GetBytes(5, 6, 7, 8)]));
        byte[] names = [.. Enumerable.Range(0, 20_000).SelectMany(i => Global("lib", $"Name{i}")), .. "I12345\n"u8];
        Assert.Equal([5, 6, 7, 8], LoadWeight([.. LegacyStart, .. Proto, (byte)'(', .. names, (byte)'1', .. pickle[2..], .. Keys("0"), .. Int64(4), .. GetBytes(5, 6, 7, 8)]));
    }

    /// <summary>Real files, altered in every part.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("legacy_checkpoint.pth")]
    [InlineData("legacy_python2.pth")]
    [InlineData("legacy_beside.pth")]
    [InlineData("legacy_views.pth")]
    public void A_forged_file_is_refused_or_harmless(string fixture)
    {
        var file = File.ReadAllBytes(WeightsFixture.Find(fixture));
        using nn.Module module = fixture == "legacy_views.pth" ? LoadTests.CreateViews() : new BasicBlock(3, 4, stride: 2);
        using var before = new Unchanged(module);
        var random = new Random(4);
        for (var i = 0; i < 1500; i++)
        {
            var forged = (byte[])file.Clone();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                forged[random.Next(forged.Length)] = (byte)random.Next(256);
            if (i % 4 == 0) // a piece is repeated or left out
            {
                var (start, end) = (random.Next(file.Length), random.Next(file.Length));
                forged = [.. file[..Math.Max(start, end)], .. file[Math.Min(start, end)..]];
            }
            try
            {
                Checkpoint.Load(module, _folder.Write("forged", forged), strict: false);
                before.Restore();
            }
            catch (InvalidDataException problem)
            {
                Assert.StartsWith(_folder["forged"], problem.Message, StringComparison.Ordinal);
                before.Assert();
            }
        }
    }
}
