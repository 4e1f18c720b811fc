using System.Text;
using static ResNet.Core.Tests.Weights.Pickled;

namespace ResNet.Core.Tests.Weights;

/// <summary>Small files that are costly to read, each a megabyte of the same few bytes.</summary>
public sealed class ReadingMemoryTests : IDisposable
{
    private const int Size = 1 << 20;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Measures how many bytes .NET allocates per byte of the file, in addition to 8 MB.</summary>
    private double MeasureFactor(string name, byte[] file)
    {
        var path = _folder.Write(name, file);
        using var bag = new TensorBag(("weight", TorchSharp.torch.ones(2, 2)));
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            Checkpoint.Load(bag, path, strict: false);
        }
        catch (InvalidDataException problem)
        {
            Assert.InRange(problem.Message.Length, 1, path.Length + 1000);
        }
        return (GC.GetAllocatedBytesForCurrentThread() - allocated - (8 << 20)) / (double)file.Length;
    }

    public static TheoryData<string, string, string> Programs => new()
    {
        { "dictionaries", "", "}" },
        { "memoized dictionaries", "", "}\u0094" },
        { "dictionaries with one item", "", "}K\u0001Ns" },
        { "a list of dictionaries with one item", "]", "}K\u0001Nsa" },
        { "lists", "", "]" },
        { "sets", "", "\u008f" },
        { "frozen sets", "", "(\u0091" },
        { "bytes", "", "C\0" },
        { "tuples", "", "K\u0001\u0085" },
        { "one tuple, memoized over and over", ")", "\u0094" },
        { "marks", "", "(" },
        { "OrderedDicts", "ccollections\nOrderedDict\nq\0", "h\0)R" },
        { "objects", "cmylib\nA\nq\0", "h\0)\u0081" },
        { "names", "", "ca\nB\n" },
        { "a distant place in the memo", ")r\u0000\u0000\u000f\u0000", "N" },
        { "unsupported tensors", "ctorch._utils\n_rebuild_qtensor\nq\0", "h\0)R" },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public void Memory_for_a_repetitive_pickle_is_bounded(string kind, string start, string repeated)
    {
        byte[] first = [.. Proto, .. Encoding.Latin1.GetBytes(start)], unit = Encoding.Latin1.GetBytes(repeated);
        byte[] pickle = [.. first, .. Enumerable.Repeat(unit, (Size - first.Length) / unit.Length).SelectMany(bytes => bytes), (byte)'.'];
        foreach (var file in new[] { CreateArchive(pickle), CreateLegacyFile(pickle) })
        {
            var factor = MeasureFactor("weights.pth", file);
            Assert.True(factor < 45, $"{kind}: {factor}");
        }
    }

    /// <summary>The bytes after the pickle do not raise its limit.</summary>
    [Fact]
    public void Storages_do_not_raise_the_pickles_memory_limit()
    {
        byte[] pickle = [.. Proto, .. Enumerable.Repeat((byte)'}', Size / 2), (byte)'.'];
        Hostile.AssertRefused(_folder.Write("weights.pth", [.. LegacyStart, .. pickle, .. Keys("0"), .. Int64(Size), .. new byte[4 * Size]]), factor: 10, "creates more objects");
    }

    /// <summary>Storages of a file from before PyTorch 1.6, or views of one, each with a key of its own.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData(false)]
    [InlineData(true)]
    public void Endless_distinct_storages_are_refused(bool views)
    {
        byte[] start = [.. Proto, .. Text("storage"), .. "q\0"u8, .. Global("torch", "FloatStorage"), .. "q\u0001]"u8];
        IEnumerable<byte> CreateStorage(int i) => views
            ? [.. "(h\0h\u0001U\u0001aU\0K\u0009U\u0006"u8, .. Encoding.ASCII.GetBytes($"{i:x6}"), .. "K\0K\u0001"u8, 0x87, .. "tQ0"u8]
            : [.. "(h\0h\u0001U\u0006"u8, .. Encoding.ASCII.GetBytes($"{i:x6}"), .. "U\0K\u0009NtQ0"u8];
        byte[] pickle = [.. start, .. Enumerable.Range(0, 17 * Size / CreateStorage(0).Count()).SelectMany(CreateStorage), (byte)'.'];
        // 12.4 at most: how much is allocated depends on when the JIT has optimized the reader.
        Hostile.AssertRefused(_folder.Write("weights.pth", CreateLegacyFile(pickle)), factor: 16, "creates more objects than");
    }

    [Fact]
    public void Memory_for_one_reused_shape_is_bounded()
    {
        byte[] shape = Tuple(Enumerable.Repeat("K\u0001"u8.ToArray(), 64)), strides = Tuple(Enumerable.Repeat("K\0"u8.ToArray(), 64));
        byte[] start = [.. Proto, .. Global("torch._utils", "_rebuild_tensor_v2"), .. "q\0"u8, .. Tuple(Storage(), Int(0), shape, strides, [0x89], OrderedDict), .. "q\u0001"u8];
        Assert.True(MeasureFactor("weights.pth", CreateArchive([.. start, .. Enumerable.Repeat("h\0h\u0001R"u8.ToArray(), Size / 5).SelectMany(bytes => bytes), (byte)'.'])) < 20);
    }

    public static TheoryData<string, string, string, string> Headers => new()
    {
        { "dimensions", "{'weight':{'dtype':'F32','shape':[", "0,", "0],'data_offsets':[0,0]}}" },
        { "a name", "{'", "n", "':{'dtype':'F32','shape':[0],'data_offsets':[0,0]}}" },
        { "a type", "{'weight':{'dtype':'F", "F", "','shape':[0],'data_offsets':[0,0]}}" },
        { "a field", "{'weight':{'d", "d", "':0}}" },
        { "a number", "{'weight':{'dtype':'F32','shape':[1", "1", "],'data_offsets':[0,0]}}" },
        { "metadata", "{'__metadata__':{'a':'b", "b", "'}}" },
        { "escapes", "{'__metadata__':{'a':'b", "\\u0041", "'}}" },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public void Memory_for_a_repetitive_safetensors_header_is_bounded(string kind, string start, string repeated, string end) =>
        Assert.True(MeasureFactor("weights.safetensors", CreateHeader(start + string.Concat(Enumerable.Repeat(repeated, Size / repeated.Length)) + end)) < 8, kind);

    [Theory]
    [InlineData("{'__metadata__':{*}}", "'#':''", 13)]
    [InlineData("{*}", "'#':{'dtype':'U8','shape':[0],'data_offsets':[0,0]}", 50)]
    [InlineData("{*}", "'#':{'dtype':'#','shape':[],'data_offsets':[0,0]}", 53)]
    public void Memory_for_many_safetensors_entries_is_bounded(string whole, string one, int length)
    {
        var all = string.Join(',', Enumerable.Range(0, Size / length).Select(i => one.Replace("#", $"{i:x}", StringComparison.Ordinal)));
        Assert.InRange(MeasureFactor("weights.safetensors", CreateHeader(whole.Replace("*", all, StringComparison.Ordinal))), -8, 40); // includes garbage of the report
    }

    /// <summary>Creates a header, with double quotes for single ones.</summary>
    private static byte[] CreateHeader(string json) => [.. Int64(json.Length), .. Encoding.ASCII.GetBytes(json.Replace('\'', '"'))];

    [Fact]
    public void A_million_entries_of_an_archive_are_refused_before_they_are_read()
    {
        var file = Zip.WithCount(Zip.Create(("archive/data.pkl", [])), 1_000_000);
        Hostile.AssertRefused(_folder.Write("weights.pth", file), "is a zip archive with 1,000,000 entries, expected at most 100,000");
    }

    /// <summary>Two bytes reuse a text, and each use as a key would hash all of it. That would take minutes, so such keys are skipped or refused.</summary>
    [Fact]
    public void A_long_text_is_never_hashed_as_a_key_or_storage_name()
    {
        byte[] key = [.. Proto, .. Text(new string('k', Size)), .. "q\0]("u8, .. Enumerable.Repeat("}h\0Ns"u8.ToArray(), 50_000).SelectMany(bytes => bytes), .. "e."u8];
        Hostile.AssertRefused(_folder.Write("key.pth", CreateArchive(key)), "holds a list");
        Hostile.AssertRefused(_folder.Write("storage.pth", CreateArchive(Dict("weight", Tensor(Storage(key: new string('k', 1001)), 0, Ints(4), Ints(1))))), "a storage whose key has 1,001 characters");
    }
}
