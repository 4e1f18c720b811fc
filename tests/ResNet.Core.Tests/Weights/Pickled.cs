using System.Buffers.Binary;
using System.Text;

namespace ResNet.Core.Tests.Weights;

/// <summary>Pieces of pickles, by hand.</summary>
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

    /// <summary>A dict with one item.</summary>
    public static byte[] Dict(string key, byte[] value) => [.. Proto, (byte)'}', .. Text(key), .. value, .. "s."u8];

    /// <summary>An archive with this pickle and one storage, "0", of 16 bytes.</summary>
    public static byte[] InArchive(byte[] pickle) => Zip.Of(("archive/data.pkl", pickle), ("archive/data/0", new byte[16]), ("archive/version", "3\n"u8.ToArray()));
}
