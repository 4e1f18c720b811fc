using System.Buffers.Binary;
using System.Text;

namespace ResNet.Core.Tests.Weights;

/// <summary>Pieces of handwritten pickles. A method without a verb returns the instructions that put an object of that kind on the stack.</summary>
internal static class Pickled
{
    public static readonly byte[] Proto = [0x80, 2], OrderedDict = [.. Global("collections", "OrderedDict"), .. ")R"u8];

    public static byte[] Global(string module, string name) => Encoding.UTF8.GetBytes($"c{module}\n{name}\n");

    public static byte[] Text(string text) => [(byte)'X', .. Int32(Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    public static byte[] Int(long number) => [0x8a, 8, .. Int64(number)];

    public static byte[] Int32(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        return bytes;
    }

    public static byte[] Int64(long number)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        return bytes;
    }

    public static byte[] Tuple(params IEnumerable<byte[]> items) => [(byte)'(', .. items.SelectMany(item => item), (byte)'t'];

    public static byte[] Ints(params IEnumerable<long> numbers) => Tuple(numbers.Select(Int));

    public static byte[] Storage(string type = "FloatStorage", string key = "0", long count = 4) =>
        [.. Tuple(Text("storage"), Global("torch", type), Text(key), Text("cpu"), Int(count)), (byte)'Q'];

    public static byte[] Tensor(byte[] storage, long offset, byte[] size, byte[] stride) =>
        [.. Global("torch._utils", "_rebuild_tensor_v2"), .. Tuple(storage, Int(offset), size, stride, [0x89], OrderedDict), (byte)'R'];

    /// <summary>A whole pickle: a dict with one item.</summary>
    public static byte[] Dict(string key, byte[] value) => [.. Proto, (byte)'}', .. Text(key), .. value, .. "s."u8];

    /// <summary>A reference to a storage in a file from before PyTorch 1.6.</summary>
    public static byte[] LegacyStorage(string type = "FloatStorage", string key = "0", long count = 4, byte[]? view = null) =>
        [.. Tuple(Text("storage"), Global("torch", type), Text(key), Text("cuda:0"), Int(count), view ?? [(byte)'N']), (byte)'Q'];

    public static byte[] View(string key, long offset, long count) => Tuple(Text(key), Int(offset), Int(count));

    /// <summary>The header of every file from before PyTorch 1.6.</summary>
    public static readonly byte[] LegacyStart =
    [
        .. Proto, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.',
        .. Proto, .. Int(1001), (byte)'.',
        .. Dict("little_endian", [0x88]),
    ];

    /// <summary>The list of storages in a file from before PyTorch 1.6.</summary>
    public static byte[] Keys(params IEnumerable<string> keys) => [.. Proto, .. "]("u8, .. keys.SelectMany(Text), .. "e."u8];

    /// <summary>A file from before PyTorch 1.6 with this pickle and one storage, "0", of four elements in 16 bytes.</summary>
    public static byte[] CreateLegacyFile(byte[] pickle) => [.. LegacyStart, .. pickle, .. Keys("0"), .. Int64(4), .. new byte[16]];

    /// <summary>An archive with this pickle and one storage, "0", of 16 bytes.</summary>
    public static byte[] CreateArchive(byte[] pickle) => Zip.Create(("archive/data.pkl", pickle), ("archive/data/0", new byte[16]), ("archive/version", "3\n"u8.ToArray()));
}
