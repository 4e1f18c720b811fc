using static ResNet.Core.Tests.Weights.Pickled;

namespace ResNet.Core.Tests.Weights;

/// <summary>Pickles that try to run code, or to take more than there is.</summary>
public sealed class HostilePickleTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void AssertRefused(byte[] pickle, params string[] message) => Hostile.AssertRefused(_folder.Write("weights.pth", CreateArchive(pickle)), message);

    [Fact]
    public void Handwritten_pickles_load_when_nothing_is_wrong()
    {
        using var bag = new TensorBag(("weight", TorchSharp.torch.ones(2, 2)));
        _folder.Write("weights.pth", CreateArchive(Dict("weight", Tensor(Storage(), 0, Ints(2, 2), Ints(2, 1)))));
        Assert.Equal(["weight"], Checkpoint.Load(bag, _folder["weights.pth"]).Loaded);
        Assert.Equal(0, bag.state_dict()["weight"].sum().item<float>());

        // Other objects between tensors: a tuple, a list, marks and numbers
        byte[] rest = [.. "(]K\u0001a(K\u0002K\u0003e"u8, 0x85, (byte)'N', 0x86, .. "K\u0001N"u8, 0x87, .. "20(N0(01("u8, .. "01"u8];
        _folder.Write("weights.pth", CreateArchive([.. Proto, (byte)'}', .. rest, .. Text("weight"), .. Tensor(Storage(), 3, Ints(2, 2), Ints(0, 0)), .. "s."u8]));
        Assert.Equal(["weight"], Checkpoint.Load(bag, _folder["weights.pth"]).Loaded);
    }

    [Fact]
    public void Known_functions_with_other_arguments_are_refused()
    {
        AssertRefused([.. Proto, .. Global("collections", "OrderedDict"), .. Text("x"), 0x85, .. "R."u8], "calls collections.OrderedDict with a tuple of a str");
        AssertRefused([.. Proto, .. Text("x"), .. ")R."u8], "calls a str");
        AssertRefused([.. Proto, .. Global("torch._utils", "_rebuild_tensor_v2"), .. ")R."u8], "calls torch._utils._rebuild_tensor_v2");
        AssertRefused([.. Proto, .. Global("torch._utils", "_rebuild_parameter"), .. Tuple(Text("x"), [0x88], OrderedDict), .. "R."u8], "calls torch._utils._rebuild_parameter with a tuple of a str, a bool, a dict");
        AssertRefused([.. Proto, .. Global("collections", "OrderedDict"), .. "}b."u8], "collections.OrderedDict on its stack"); // attributes for a class
        AssertRefused([.. Proto, .. OrderedDict, .. Text("x"), .. "b."u8], "a str on its stack");
    }

    /// <summary>Hooks of None as PyTorch 0.4 wrote them, dictionaries of Python 2, parameters from before PyTorch 0.4, and imitations of them.</summary>
    [Fact]
    public void Constructs_of_older_versions_load_and_imitations_are_refused()
    {
        byte[] zeros = [.. Global("torch._utils", "_rebuild_tensor_v2"), .. Tuple(Storage(), Int(0), Ints(2, 2), Ints(2, 1), [0x89], [(byte)'N']), (byte)'R'];
        byte[] parameter = [.. Global("torch.nn.parameter", "Parameter"), .. zeros, 0x85, (byte)'R'], state = [.. Tuple([0x88], [0x89], [(byte)'N']), (byte)'b'];
        using var bag = new TensorBag(("weight", TorchSharp.torch.ones(2, 2)));
        using var unchanged = new Unchanged(bag);
        foreach (var pickle in (byte[][])
            [
                Dict("weight", zeros), Dict("weight", [.. parameter, .. state]), Dict("weight", [.. Global("torch.autograd.variable", "Variable"), .. zeros, 0x85, (byte)'R', .. state]),
                Dict("weight", [.. Global("torch._utils", "_rebuild_parameter"), .. Tuple(zeros, [0x88], [(byte)'N']), (byte)'R']),
                [.. Proto, .. CreateDictFromPairs([(byte)']', .. Text("weight"), (byte)'a', .. zeros, (byte)'a']), (byte)'.'],
                [.. Proto, .. CreateDictFromPairs(Tuple(Text("weight"), parameter)), (byte)'.'],
                Dict("weight", [.. "(c__main__\nMeter\nK\u0001o}b0"u8, .. zeros]), // an instance of an old-style class of Python 2
                Dict("weight", [.. "U\u0002\u007f"u8, 0xff, (byte)'0', .. "T\u0001\0\0\0"u8, 0xff, (byte)'0', .. zeros]), // Python 2's str with bytes that are not text
            ])
        {
            Assert.Equal(["weight"], Checkpoint.Load(bag, _folder.Write("weights.pth", CreateArchive(pickle))).Loaded);
            Assert.Equal(0, bag.state_dict()["weight"].sum().item<float>());
            unchanged.Restore();
        }

        AssertRefused(Dict("weight", [.. parameter, .. Tuple([0x88], Text("x"), [(byte)'N']), (byte)'b']), "a tuple of a bool, a str, None on its stack");
        AssertRefused(Dict("weight", [.. parameter, .. "Nb"u8]), "None on its stack");
        AssertRefused([.. Proto, .. CreateDictFromPairs("K\u0001"u8.ToArray()), (byte)'.'], "calls collections.OrderedDict with an int in a list, expected a key and its value");
        AssertRefused([.. Proto, .. CreateDictFromPairs(Ints(1, 2, 3)), (byte)'.'], "a tuple of an int, an int, an int in a list");
        AssertRefused([.. Proto, .. CreateDictFromPairs(Tuple(Text("a"), [(byte)'N']), Tuple(Text("a"), [(byte)'N'])), (byte)'.'], "the key 'a' twice");
        AssertRefused([.. Proto, .. "(cos\nsystem\nU\u0002ido."u8], "asks for os.system");
        AssertRefused([.. Proto, .. "(U\u0002ido."u8], "calls a str");
        AssertRefused([.. Proto, .. "(o."u8], "takes more from its stack");

        static byte[] CreateDictFromPairs(params IEnumerable<byte[]> items) => [.. Global("collections", "OrderedDict"), .. "]("u8, .. items.SelectMany(item => item), (byte)'e', 0x85, (byte)'R'];
    }

    public static TheoryData<byte> OtherOpcodes => [.. Enumerable.Range(0, 256).Select(opcode => (byte)opcode).Except("().012BCGIJKLMNQRTUX]abcehjoqrstu}"u8.ToArray()).Except([.. new byte[] { 0x80, 0x81 }]).Where(opcode => opcode is < 0x85 or > 0x96)];

    [Theory]
    [MemberData(nameof(OtherOpcodes))]
    public void An_unknown_instruction_is_refused_and_named(byte opcode) => AssertRefused([.. Proto, .. "((("u8, opcode, .. "....."u8], $"0x{opcode:X2}", "at byte 5");

    [Fact]
    public void Texts_numbers_and_frames_longer_than_the_file_are_refused()
    {
        AssertRefused([.. Proto, (byte)'X', .. Int32(-1)], "expected 4,294,967,295 more bytes");
        AssertRefused([.. Proto, 0x8d, .. Int64(-1)], "expected 18,446,744,073,709,551,615 more bytes");
        AssertRefused([.. Proto, 0x8d, .. Int64(1L << 62)], "ends too early");
        AssertRefused([.. Proto, 0x8c, 200, 1], "ends too early");
        AssertRefused([.. Proto, 0x8a, 255, 1], "ends too early");
        AssertRefused([.. Proto, 0x8b, .. Int32(-1), (byte)'.'], "ends too early");
        foreach (var opcode in (byte[])[(byte)'T', (byte)'B', 0x8e, 0x96])
            AssertRefused([.. Proto, opcode, .. Int64(-1)], "ends too early");
        foreach (var number in (string[])["I", "I1", "I\n", "I1.5\n", "Lx\n", "I-\n"])
            AssertRefused([.. Proto, .. System.Text.Encoding.ASCII.GetBytes(number), (byte)'.'], "its pickle ");
        AssertRefused([.. Proto, 0x95, .. Int64(-1), (byte)'.'], "a frame of 18,446,744,073,709,551,615 bytes");
        AssertRefused([.. Proto, .. "cos"u8], "ends within a name");
        AssertRefused([.. Proto, (byte)'c', .. Enumerable.Repeat((byte)'a', 60_000), .. "\nb\n."u8], "a name of 60,002 characters");
        AssertRefused([.. Proto, (byte)'c', .. Enumerable.Repeat((byte)'a', 1 << 20), .. "\nb\n."u8], "a name or a number of more than 65,536 bytes");
        AssertRefused([.. Proto, (byte)'X', 2, 0, 0, 0, 0xc3, 0x28, (byte)'.'], "not UTF-8");
        AssertRefused([.. Proto, (byte)'X', 3, 0, 0, 0, 0xed, 0xa0, 0x80, (byte)'.'], "holds an object of class str"); // half a surrogate pair, which Python's str can hold
        AssertRefused([0x80, 1, .. "}."u8], "protocol 1");
        AssertRefused([0x80, 6, .. "}."u8], "protocol 6");
        AssertRefused([], "ends too early");
        AssertRefused([.. Proto, .. "}"u8], "ends too early"); // without a STOP
    }

    [Fact]
    public void Taking_more_than_the_stack_or_memo_holds_is_refused()
    {
        foreach (var pickle in (string[])[".", "0.", "t.", "1.", "u.", "s.", "a.", "e.", "R.", "b.", "Q.", "2.", "q\0.", "(.", "}(.", "}(s.", "}(0s.", "]K\u0001(a."])
            AssertRefused([.. Proto, .. System.Text.Encoding.Latin1.GetBytes(pickle)], "its pickle ");
        AssertRefused([.. Proto, .. "NN"u8, 0x87, (byte)'.'], "takes more from its stack");
        AssertRefused([.. Proto, .. "K\u0001("u8, 0x85, (byte)'.'], "takes more from its stack");
        AssertRefused([.. Proto, .. "h\u0005."u8], "asks for object 5");
        AssertRefused([.. Proto, (byte)'j', .. Int32(-1), (byte)'.'], "asks for object 4294967295");
        AssertRefused([.. Proto, .. "}(K\u0001u."u8], "a dictionary key without a value");
        foreach (var pickle in (string[])["\u0081.", ")\u0081.", "N)\u0081.", "\u0092.", "\u0090.", "(\u0090.", "}(\u0090.", "\u0091.", "N}b.", "(N\u0093."])
            AssertRefused([.. Proto, .. System.Text.Encoding.Latin1.GetBytes(pickle)], "its pickle ");
        AssertRefused([.. Proto, .. ")r\u0064\0\0\0."u8], "stores an object under 100, expected at most 8");
        AssertRefused([.. Proto, .. ")q\u0005h\u0004."u8], "asks for object 4");
        AssertRefused([.. Proto, .. "}Na."u8], "a dict on its stack");
        AssertRefused([.. Proto, .. "]NNs."u8], "a list on its stack");
    }

    [Fact]
    public void Tensors_outside_their_storage_are_refused()
    {
        AssertTensorRefused("starts at element 1", offset: 1);
        AssertTensorRefused("starts at element -1", offset: -1);
        AssertTensorRefused("starts at element 9223372036854775807", offset: long.MaxValue);
        AssertTensorRefused("shape (-2, 2)", size: Ints(-2, 2));
        AssertTensorRefused("shape (2, -9223372036854775808)", size: Ints(2, long.MinValue));
        AssertTensorRefused("shape (2, 3)", size: Ints(2, 3));
        AssertTensorRefused("strides (2, -1)", stride: Ints(2, -1));
        AssertTensorRefused("strides (2, 3)", stride: Ints(2, 3));
        AssertTensorRefused("strides (2)", stride: Ints(2));
        AssertTensorRefused("shape (9223372036854775807, 9223372036854775807)", size: Ints(long.MaxValue, long.MaxValue), stride: Ints(long.MaxValue, long.MaxValue));
        AssertTensorRefused("shape (4611686018427387904, 4)", size: Ints(1L << 62, 4), stride: Ints(4, 1)); // the product is 0 in 64 bits
        AssertTensorRefused("65 dimensions", size: Ints(Enumerable.Repeat(1L, 65)), stride: Ints(Enumerable.Repeat(1L, 65)));
        AssertTensorRefused("a bool in a shape", size: Tuple([0x88], Int(2)));
        AssertTensorRefused("calls torch._utils._rebuild_tensor_v2 with", size: "]"u8.ToArray());

        void AssertTensorRefused(string message, long offset = 0, byte[]? size = null, byte[]? stride = null) =>
            AssertRefused(Dict("weight", Tensor(Storage(), offset, size ?? Ints(2, 2), stride ?? Ints(2, 1))), message);
    }

    [Fact]
    public void Storages_that_contradict_the_archive_are_refused()
    {
        AssertStorageRefused(Storage(key: "1"), "'1' that the archive does not have");
        AssertStorageRefused(Storage(key: "../version"), "'../version' that the archive does not have");
        AssertStorageRefused(Storage(count: 5), "5 elements of Float32, which its 16 bytes do not match");
        AssertStorageRefused(Storage(count: 3), "3 elements");
        AssertStorageRefused(Storage(count: -4), "-4 elements");
        AssertStorageRefused(Storage(count: (1L << 62) + 4), "elements of Float32"); // 16 bytes if computed in 64 bits
        AssertStorageRefused(Storage(type: "DoubleStorage"), "4 elements of Float64");
        AssertStorageRefused(Storage(type: "Tensor"), "expected a storage");
        AssertStorageRefused([.. Tuple(Text("module"), Text("x")), (byte)'Q'], "expected a storage");
        AssertStorageRefused([.. Tuple(Text("storage"), Global("collections", "OrderedDict"), Text("0"), Text("cpu"), Int(4)), (byte)'Q'], "expected a storage");
        AssertStorageRefused([.. Text("storage"), (byte)'Q'], "a str on its stack");
        // One storage with two types, one of them right
        AssertRefused([.. Proto, .. "}("u8, .. Text("a"), .. Tensor(Storage(), 0, Ints(4), Ints(1)), .. Text("b"), .. Tensor(Storage("IntStorage"), 0, Ints(4), Ints(1)), .. "u."u8], "4 elements of Int32");

        void AssertStorageRefused(byte[] storage, string message) => AssertRefused(Dict("weight", Tensor(storage, 0, Ints(2, 2), Ints(2, 1))), message);
    }

    [Fact]
    public void Duplicate_and_non_text_keys_are_refused()
    {
        AssertRefused([.. Proto, .. "}("u8, .. Text("a"), (byte)'N', .. Text("a"), .. "Nu."u8], "the key 'a' twice");
        AssertRefused([.. Proto, .. "}K\u0001"u8, .. Tensor(Storage(), 0, Ints(4), Ints(1)), .. "s."u8], "the keys 1, expected tensors");
    }

    [Fact]
    public void Values_other_than_a_state_dict_are_refused()
    {
        AssertRefused([.. Proto, .. "N."u8], "holds None, expected a state_dict");
        AssertRefused([.. Proto, .. "]."u8], "holds a list");
        AssertRefused([.. Proto, (byte)'G', .. Int64(0), (byte)'.'], "holds a float");
        AssertRefused([.. Proto, .. Storage(), (byte)'.'], "holds a storage");
        AssertRefused(Dict("net", OrderedDict), "the keys net, expected tensors or a state_dict");
        AssertRefused(Dict("model", Text("resnet18")), "the keys model");
    }

    /// <summary>A recursive reader would overflow the stack, which ends the process.</summary>
    [Theory]
    [InlineData("]", "\u0085")] // a list in a tuple in a tuple…
    [InlineData(")", "\u0085")]
    [InlineData("}", "2\u0086")] // each twice in the next: 2^1,000,000 paths
    [InlineData("](", "(")]
    public void Deep_nesting_does_not_overflow_the_stack(string start, string again)
    {
        byte[] deep = [.. System.Text.Encoding.Latin1.GetBytes(start), .. Enumerable.Repeat(System.Text.Encoding.Latin1.GetBytes(again), 1_000_000).SelectMany(bytes => bytes)];
        AssertRefused([.. Proto, .. deep, (byte)'.'], start.Contains('(', StringComparison.Ordinal) ? "takes more from its stack" : "holds a tuple");
    }

    [Fact]
    public void Memory_for_many_and_for_reused_objects_is_bounded_by_the_file_size()
    {
        foreach (var opcode in "}](N"u8.ToArray())
            AssertRefused([.. Proto, .. Enumerable.Repeat(opcode, 2_000_000)], opcode is (byte)'}' or (byte)']' ? "creates more objects than weights" : "ends too early");

        // A shape of 100,000 dimensions, used 10,000 times
        byte[] start = [.. Proto, .. Global("torch._utils", "_rebuild_tensor_v2"), .. "q\u0000("u8, .. Enumerable.Repeat("K\u0001"u8.ToArray(), 100_000).SelectMany(bytes => bytes), .. "tq\u0001"u8, .. Storage(), .. "q\u0002"u8];
        byte[] use = [.. "h\u0000(h\u0002K\u0000h\u0001h\u0001"u8, 0x89, .. "}tR"u8];
        AssertRefused([.. start, .. Enumerable.Repeat(use, 10_000).SelectMany(bytes => bytes), (byte)'.'], "100000 dimensions");
    }
}
