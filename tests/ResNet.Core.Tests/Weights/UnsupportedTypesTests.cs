using System.Text;
using static ResNet.Core.Tests.Weights.Pickled;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>safetensors tensors of types that TorchSharp lacks. They matter only if the module needs them.</summary>
public sealed class UnsupportedTypesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Writes a file with four ones in two tensors, and the extra tensor between them.</summary>
    private string WriteWithExtra(string type, string shape, int length)
    {
        var header = $$$"""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"extra":{"dtype":"{{{type}}}","shape":[{{{shape}}}],"data_offsets":[8,{{{8 + length}}}]},"b":{"dtype":"F32","shape":[2],"data_offsets":[{{{8 + length}}},{{{16 + length}}}]}}""";
        byte[] one = [0, 0, 0x80, 0x3f];
        return _folder.Write("weights.safetensors", [.. Int64(header.Length), .. Encoding.ASCII.GetBytes(header), .. one, .. one, .. Enumerable.Repeat((byte)0xee, length), .. one, .. one]);
    }

    [Theory]
    [InlineData("F8_E4M3", "4", 4)]
    [InlineData("F8_E5M2", "2,2", 4)]
    [InlineData("F8_E8M0", "", 1)]
    [InlineData("F4", "3,2", 3)]
    [InlineData("F6_E2M3", "4", 3)]
    [InlineData("F6_E3M2", "8", 6)]
    [InlineData("U16", "3", 6)]
    [InlineData("U32", "3", 12)]
    [InlineData("U64", "3", 24)]
    [InlineData("C64", "3", 24)]
    [InlineData("F99_FUTURE", "3,5", 7)] // of unknown size
    [InlineData("", "3", 1)]
    public void An_unsupported_tensor_is_only_unexpected(string type, string shape, int length)
    {
        var path = WriteWithExtra(type, shape, length);
        using var bag = new TensorBag(("a", zeros(2)), ("b", zeros(2)));
        var report = Checkpoint.Load(bag, path, strict: false);
        Assert.Equal(["a", "b"], report.Loaded);
        Assert.Equal(["extra"], report.Unexpected);
        Assert.Equal(4, bag.state_dict().Values.Sum(tensor => tensor.sum().item<float>()));
        Assert.Contains($"unexpected in the file: extra ({type}, which is not loaded)", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, path)).Message, StringComparison.Ordinal);

        // If the module needs the tensor, the message names the type in the file. It does not fit even with the right shape.
        using var wanted = new TensorBag(("a", zeros(2)), ("b", zeros(2)), ("extra", shape.Length == 0 ? zeros([]) : zeros([.. shape.Split(',').Select(long.Parse)])));
        report = Checkpoint.Load(wanted, path, strict: false);
        Assert.Equal(["extra"], report.Missing);
        Assert.Equal(["extra"], report.Unexpected);
        Assert.Contains($"missing in the file: extra; unexpected in the file: extra ({type}, which is not loaded)", report.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("F8_E4M3", "4", 5, "expected 4 bytes for F8_E4M3 of shape (4), got those from 8 to 13")]
    [InlineData("F4", "3", 2, "expected a whole number of bytes for F4 of shape (3)")]
    [InlineData("F6_E2M3", "4", 4, "expected 3 bytes for F6_E2M3")]
    [InlineData("U16", "3", 3, "expected 6 bytes for U16")]
    [InlineData("C64", "3", 12, "expected 24 bytes for C64")]
    [InlineData("U64", "9223372036854775807,9223372036854775807", 8, "expected more than any file's bytes")]
    [InlineData("F99_FUTURE", "-1", 8, "expected whole numbers")]
    public void The_size_of_an_unsupported_tensor_is_checked_if_known(string type, string shape, int length, string message) => Hostile.AssertRefused(WriteWithExtra(type, shape, length), "'extra': ", message);

    [Fact]
    public void An_unsupported_tensor_may_not_overlap_or_leave_holes()
    {
        var hole = File.ReadAllText(WriteWithExtra("F99_FUTURE", "3", 7), Encoding.Latin1);
        Hostile.AssertRefused(_folder.Write("weights.safetensors", Encoding.Latin1.GetBytes(hole.Replace("[8,15]", "[9,15]", StringComparison.Ordinal))), "'extra' starts at byte 9 of the data, expected 8");
        Hostile.AssertRefused(_folder.Write("weights.safetensors", Encoding.Latin1.GetBytes(hole.Replace("[8,15]", "[8,14]", StringComparison.Ordinal))), "'b' starts at byte 15 of the data, expected 14");
    }
}
