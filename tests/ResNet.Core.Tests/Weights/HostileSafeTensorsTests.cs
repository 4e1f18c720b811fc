using System.Buffers.Binary;
using System.Text;

namespace ResNet.Core.Tests.Weights;

/// <summary>safetensors files that break a rule of the format.</summary>
public sealed class HostileSafeTensorsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void AssertRefused(byte[] file, params string[] message) => Hostile.AssertRefused(_folder.Write("weights.safetensors", file), message);

    /// <summary>Asserts it for a file with this header and 16 bytes of data.</summary>
    private void AssertRefused(string header, params string[] message) => AssertRefused(CreateFile(Encoding.UTF8.GetBytes(header)), message);

    private static byte[] CreateFile(byte[] header, ulong? length = null, int dataLength = 16)
    {
        var start = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(start, length ?? (ulong)header.Length);
        return [.. start, .. header, .. new byte[dataLength]];
    }

    [Fact]
    public void Handwritten_files_load_when_nothing_is_wrong()
    {
        using var bag = new TensorBag(("a", TorchSharp.torch.ones(2, 2)), ("b", TorchSharp.torch.ones(0)), ("c", TorchSharp.torch.ones(0)));
        var path = _folder.Write("weights", CreateFile("""{"__metadata__":{"k":"v"},"c":{"shape":[0],"data_offsets":[0,0],"dtype":"F32"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[0],"data_offsets":[16,16]}}     """u8.ToArray()));
        Assert.Equal(["a", "b", "c"], Checkpoint.Load(bag, path).Loaded);
        Assert.Equal(0, bag.state_dict()["a"].sum().item<float>());
    }

    [Fact]
    public void A_bool_that_is_neither_0_nor_1_is_true()
    {
        using var bag = new TensorBag(("a", TorchSharp.torch.zeros([4], TorchSharp.torch.ScalarType.Bool)));
        byte[] file = CreateFile("""{"a":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}"""u8.ToArray(), dataLength: 4);
        file[^3] = 1;
        file[^2] = 2;
        file[^1] = 255;
        Checkpoint.Load(bag, _folder.Write("weights", file));
        Assert.Equal([0, 1, 1, 1], bag.state_dict()["a"].bytes.ToArray());
    }

    [Fact]
    public void A_header_longer_than_allowed_or_than_the_file_is_refused()
    {
        var header = "{}"u8.ToArray();
        AssertRefused(CreateFile(header, 1UL << 63), "at most 100,000,000 bytes, got one of 9,223,372,036,854,775,808");
        AssertRefused(CreateFile(header, ulong.MaxValue), "got one of 18,446,744,073,709,551,615");
        AssertRefused(CreateFile(header, 100_000_001), "got one of 100,000,001");
        AssertRefused(CreateFile(header, 100_000_000), "ends within its safetensors header: expected 100,000,000 bytes, got 18");
        AssertRefused(CreateFile(header, 0), "not the JSON");
        AssertRefused(CreateFile(header, 1), "not the JSON");
        AssertRefused(CreateFile([(byte)'{']), "not the JSON");
    }

    [Fact]
    public void A_header_that_breaks_the_format_is_refused()
    {
        AssertRefused("{} x", "not the JSON");
        AssertRefused("""{"a":}""", "not the JSON");
        AssertRefused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},}", "not the JSON");
        AssertRefused("{/* */}", "not the JSON");
        AssertRefused("{\"a\":" + string.Concat(Enumerable.Repeat("[", 1_000_000)), "expected StartObject");
        AssertRefused("{\"a\":{\"dtype\":\"F32\",\"shape\":[" + string.Concat(Enumerable.Repeat("[", 1_000_000)), "got StartArray");
        AssertRefused("""{"a":3}""", "has Number 3 at byte 5, expected StartObject");
        AssertRefused("""{"a":null}""", "expected StartObject");
        AssertRefused([.. CreateFile([.. "{\""u8, 0xff, .. "\":{}}"u8])], "not the JSON");
        AssertRefused("""{"\ud800":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}""", "not the JSON");
        AssertRefused("""{"__metadata__":{"a":1}}""", "expected String");
        AssertRefused("""{"__metadata__":{"a":{}}}""", "expected String");
        AssertRefused("""{"__metadata__":"a"}""", "expected StartObject");
        AssertRefused("""{"a":{}}""", "'a': expected dtype, shape and two data_offsets");
        AssertRefused("""{"a":{"dtype":"F32","shape":[2,2]}}""", "'a': expected dtype, shape and two data_offsets");
        AssertRefused("""{"a":{"dtype":"F32","data_offsets":[0,16]}}""", "'a': expected dtype, shape and two data_offsets");
        AssertRefused("""{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0]}}""", "'a': expected dtype, shape and two data_offsets");
        AssertRefused("""{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,8,16]}}""", "'a': expected dtype, shape and two data_offsets");
        AssertRefused("""{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16],"stride":[1]}}""", "got 'stride'");
        AssertRefused("""{"a":{"dtype":"F32","shape":[""" + string.Join(',', Enumerable.Repeat(1, 65)) + """],"data_offsets":[0,4]}}""", "'a': expected at most 64 dimensions");
        AssertRefused("{\"" + new string('n', 1001) + "\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "a name of 1,001 bytes");
        AssertRefused("""{"a":{"dtype":4,"shape":[16],"data_offsets":[0,16]}}""", "has Number 4");
        AssertRefused("""{"a":{"dtype":"F32","shape":4,"data_offsets":[0,16]}}""", "expected StartArray");
    }

    [Fact]
    public void Invalid_text_is_refused_everywhere_in_the_header()
    {
        byte[][] broken = [[0xff], [0xc3, 0x28], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82], [.. "\\ud800"u8], [.. "\\udc00"u8], [.. "\\ud800\\u0041"u8], [1], [.. "\\x"u8]];
        foreach (var text in broken)
        {
            AssertRefused(CreateFile([.. "{\"__metadata__\":{\"k\":\""u8, .. text, .. "\"}}"u8], dataLength: 0), "not the JSON");
            AssertRefused(CreateFile([.. "{\"__metadata__\":{\""u8, .. text, .. "\":\"v\"}}"u8], dataLength: 0), "not the JSON");
            AssertRefused(CreateFile([.. "{\""u8, .. text, .. "\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}"u8]), "not the JSON");
            AssertRefused(CreateFile([.. "{\"a\":{\"dtype\":\""u8, .. text, .. "\",\"shape\":[4],\"data_offsets\":[0,16]}}"u8]), "not the JSON");
            AssertRefused(CreateFile([.. "{\"a\":{\""u8, .. text, .. "\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}"u8]), "not the JSON");
        }
    }

    [Fact]
    public void Duplicate_names_are_refused()
    {
        const string Half = """{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""", Rest = """{"dtype":"F32","shape":[2],"data_offsets":[8,16]}""";
        AssertRefused($$"""{"a":{{Half}},"a":{{Rest}}}""", "'a' appears twice");
        AssertRefused($$"""{"a":{{Half}},"\u0061":{{Rest}}}""", "'a' appears twice");
        AssertRefused("""{"__metadata__":{},"__metadata__":{}}""", "'__metadata__' appears twice");
        AssertRefused("""{"__metadata__":{"k":"1","k":"2"}}""", "'k' appears twice");
        AssertRefused("""{"a":{"dtype":"F32","dtype":"I32","shape":[4],"data_offsets":[0,16]}}""", "each once, got 'dtype'");
        AssertRefused("""{"a":{"dtype":"F32","shape":[4],"shape":[4],"data_offsets":[0,16]}}""", "each once, got 'shape'");
    }

    [Theory]
    [InlineData("[4]", "[0,17]", "expected 16 bytes for F32 of shape (4), got those from 0 to 17")]
    [InlineData("[5]", "[0,16]", "expected 20 bytes")]
    [InlineData("[]", "[0,16]", "expected 4 bytes for F32 of shape ()")]
    [InlineData("[4]", "[16,0]", "expected data_offsets in ascending order, got 16 and 0")]
    [InlineData("[4611686018427387904,4]", "[0,0]", "expected more than any file's bytes")] // 0 in 64 bits
    [InlineData("[9223372036854775807,9223372036854775807,9223372036854775807,0]", "[0,16]", "expected 0 bytes")]
    [InlineData("[9223372036854775807,9223372036854775807,9223372036854775807]", "[0,16]", "expected more than any file's bytes")]
    [InlineData("[4611686018427387904,4611686018427387904,4]", "[0,0]", "expected more than any file's bytes")] // 0 in 128 bits
    [InlineData("[-4]", "[0,16]", "expected whole numbers from 0 to 9223372036854775807, got Number -4")]
    [InlineData("[4.0]", "[0,16]", "got Number 4.0")]
    [InlineData("[4e0]", "[0,16]", "got Number 4e0")]
    [InlineData("[\"4\"]", "[0,16]", "got String 4")]
    [InlineData("[4]", "[-16,0]", "got Number -16")]
    [InlineData("[4]", "[0,18446744073709551616]", "got Number 18446744073709551616")]
    [InlineData("[4]", "[4,20]", "'a' starts at byte 4 of the data, expected 0")] // a hole, and beyond the end of the file
    [InlineData("[3]", "[0,12]", "expected 12 bytes of data, as its header says, got 16")]
    [InlineData("[8]", "[0,32]", "expected 32 bytes of data, as its header says, got 16")]
    public void Offsets_that_contradict_the_shape_or_the_file_are_refused(string shape, string offsets, string message) =>
        AssertRefused($$$"""{"a":{"dtype":"F32","shape":{{{shape}}},"data_offsets":{{{offsets}}}}}""", message);

    [Fact]
    public void Overlaps_and_holes_are_refused()
    {
        AssertRefused("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", "'b' starts at byte 8 of the data, expected 12");
        AssertRefused("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "'b' starts at byte 0 of the data, expected 16");
        AssertRefused("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", "'b' starts at byte 8 of the data, expected 4");
        AssertRefused("""{"a":{"dtype":"F32","shape":[0],"data_offsets":[9,9]},"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "'a' starts at byte 9 of the data, expected 16");
        AssertRefused("{}", "expected 0 bytes of data, as its header says, got 16");
    }
}
