using static ResNet.Core.Tests.Weights.OnnxFile;

namespace ResNet.Core.Tests.Weights;

/// <summary>ONNX files that are not a residual network of this library, or not ONNX. Each is refused with a clear message, and the module is unchanged.</summary>
public sealed class HostileOnnxTests(HostileOnnxTests.Target target) : IClassFixture<HostileOnnxTests.Target>, IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ResNet18 _model = target.Model;
    private readonly Unchanged _unchanged = target.Unchanged;

    /// <summary>The network that no test may change. Creating one per test would take longer than the tests.</summary>
    public sealed class Target : IDisposable
    {
        public Target() => Unchanged = new Unchanged(Model);

        internal ResNet18 Model { get; } = new(10, Stem.Conv7MaxPool);

        internal Unchanged Unchanged { get; }

        public void Dispose()
        {
            Unchanged.Dispose();
            Model.Dispose();
        }
    }

    public void Dispose() => _folder.Dispose();

    private string AssertRefused(byte[] file)
    {
        var path = _folder.Write("model.onnx", file);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(_model, path, strict: false));
        Assert.StartsWith($"{path}: ", problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', problem.Message);
        Assert.InRange(problem.Message.Length, path.Length + 10, path.Length + 1500);
        return problem.Message;
    }

    private static byte[] CreateChanged(Action<OnnxFile> change)
    {
        var file = new OnnxFile();
        change(file);
        return file.Bytes;
    }

    /// <summary>Otherwise the tests below would test nothing.</summary>
    [Fact]
    public void The_unchanged_file_is_a_network_of_another_width() =>
        Assert.Contains("does not fit ResNet18: the file's network has 10 layers, expected 18; 0 tensors fit; missing in the file: layer1.1.conv1.weight", AssertRefused(new OnnxFile().Bytes), StringComparison.Ordinal);

    public static TheoryData<string> Changes => [.. changes.Keys];

    private static readonly Dictionary<string, (Action<OnnxFile> Change, string Message)> changes = new()
    {
        ["dilations"] = (file => file.Set("layer1.0.conv1", Ints("dilations", 2, 2)), "Conv 'layer1.0.conv1': expected dilations (1, 1), got (2, 2)"),
        ["groups"] = (file => file.Set("layer1.0.conv1", Int("group", 2)), "Conv 'layer1.0.conv1': expected weights for 2 channels, got shape (2, 2, 3, 3) in 2 groups"),
        ["groups in a BasicBlock"] = (file =>
        {
            file.Set("layer2.0.conv2", Int("group", 2));
            file.Tensors["layer2.0.conv2.weight"] = Tensor("layer2.0.conv2.weight", 4, 2, 3, 3);
        }, "expected a 3x3 with stride 1, padding 1 and 1 group in the block after layer1.0, got a 3x3 with stride 1, padding 1 and 2 groups"),
        ["zero groups"] = (file => file.Set("layer1.0.conv1", Int("group", 0)), "in 0 groups"),
        ["zero groups, omitted by proto3"] = (file => file.Set("layer1.0.conv1", Absent("group", 2)), "in 0 groups"),
        ["groups that do not divide the first convolution"] = (file => file.Set("conv1", Int("group", 3)), "Conv 'conv1': expected out_channels divisible by the number of groups, got shape (2, 3, 7, 7) in 3 groups"),
        ["a stride of 3"] = (file => file.Set("layer2.0.conv1", Ints("strides", 3, 3)), "with stride 3"),
        ["two different strides"] = (file => file.Set("layer2.0.conv1", Ints("strides", 2, 1)), "expected strides of two equal numbers, got (2, 1)"),
        ["strides of zero"] = (file => file.Set("layer2.0.conv1", Ints("strides", 0, 0)), "expected strides of two equal numbers, got (0, 0)"),
        ["a stride in the second convolution"] = (file => file.Set("layer2.0.conv2", Ints("strides", 2, 2)), "got a 3x3 with stride 2"),
        ["a stride only in the shortcut"] = (file => file.Set("layer2.0.conv1", Ints("strides", 1, 1)), "expected a 1x1 with stride 1, padding 0 and 1 group in the block after layer1.0, got a 1x1 with stride 2"),
        ["a stride in the first block"] = (file =>
        {
            file.Set("layer1.0.conv1", Ints("strides", 2, 2));
            file.Nodes.Insert(file.Nodes.IndexOf(file.FindNode("layer1.0.add")), new OnnxNode("Conv", ["maxpool", "side"], ["layer1.0.side"]).With(Ints("strides", 2, 2)));
            file.Tensors.Add("side", Tensor("side", 2, 2, 1, 1));
            file.FindNode("layer1.0.add").Inputs[1] = "layer1.0.side";
        }, "expected stride 1 in the first block, got 2"),
        ["no padding"] = (file => file.Set("layer1.0.conv1", Ints("pads", 0, 0, 0, 0)), "got a 3x3 with stride 1, padding 0"),
        ["padding on one side"] = (file => file.Set("layer1.0.conv1", Ints("pads", 1, 1, 0, 0)), "expected the same pads on all sides, or a fixed image size for which other pads have the same effect, got (1, 1, 0, 0)"),
        ["padding on one side of images of odd size"] = (file =>
        {
            file.Inputs[0] = Value("x", 63); // then 32, 16 and 8
            file.Set("layer1.0.conv1", Ints("pads", 1, 1, 0, 0));
        }, "expected the same pads on all sides"),
        ["negative padding"] = (file => file.Set("layer1.0.conv1", Ints("pads", -1, -1, -1, -1)), "expected four pads of at least 0"),
        ["huge padding"] = (file => file.Set("layer1.0.conv1", Ints("pads", long.MaxValue, 1, 1, 1)), "expected four pads of at least 0"),
        ["auto_pad as a number"] = (file => file.Set("conv1", Int("auto_pad", 1)), "got auto_pad of another kind"),
        ["auto_pad with a long name"] = (file => file.Set("conv1", String("auto_pad", new string('S', 65))), "got auto_pad 65 bytes"),
        ["a Pad node"] = (file =>
        {
            file.Nodes.Insert(file.Nodes.IndexOf(file.FindNode("layer1.0.conv2")), new OnnxNode("Pad", ["layer1.0.relu1"], ["pad"]).With(Ints("pads", 0, 0, 0, 1, 0, 0, 0, 0)));
            file.FindNode("layer1.0.conv2").Inputs[0] = "pad";
        }, "got Pad 'pad'"),
        ["half precision inside a block"] = (file =>
        {
            file.Nodes.Insert(file.Nodes.IndexOf(file.FindNode("layer1.0.conv2")), new OnnxNode("Cast", ["layer1.0.relu1"], ["half"]).With(Int("to", 16)));
            file.FindNode("layer1.0.conv2").Inputs[0] = "half";
        }, "got Cast 'half'"),
        ["auto_pad"] = (file => file.Set("conv1", String("auto_pad", "SAME_UPPER")), "got auto_pad SAME_UPPER"),
        ["auto_pad for a fixed image size"] = (file =>
        {
            file.Inputs[0] = Value("x", 64);
            file.Set("conv1", String("auto_pad", "SAME_UPPER"));
        }, "a fixed image size for which other pads have the same effect, got (2, 2, 3, 3)"),
        ["another kernel_shape"] = (file => file.Set("conv1", Ints("kernel_shape", 5, 5)), "expected kernel_shape (7, 7), as its weights say, got (5, 5)"),
        ["a kernel that is not square"] = (file => file.Tensors["conv1.weight"] = Tensor("conv1.weight", 2, 3, 7, 5), "expected weights of shape (out_channels, in_channels, kernel, kernel), got (2, 3, 7, 5)"),
        ["a kernel of another size"] = (file =>
        {
            file.Tensors["layer1.0.conv1.weight"] = Tensor("layer1.0.conv1.weight", 2, 2, 5, 5);
            file.Set("layer1.0.conv1", Ints("pads", 2, 2, 2, 2));
        }, "expected convolutions of 3x3 and 3x3, as in BasicBlock, or of 1x1, 3x3 and 1x1, as in Bottleneck, and at most one in the shortcut, got 5x5, 3x3 and none"),
        ["an unknown attribute"] = (file => file.Set("conv1", Int("sparse", 1)), "'sparse'"),
        ["another eps"] = (file => file.Set("bn1", Float("epsilon", 2e-5f)), "expected epsilon 1E-05, got 2E-05"),
        ["a batch norm that is not spatial"] = (file => file.Set("bn1", Int("spatial", 0)), "expected spatial 1, got 0"),
        ["a batch norm of another width"] = (file => file.Tensors["bn1.bias"] = Tensor("bn1.bias", 3), "expected a bias of shape (2), got (3)"),
        ["a batch norm without variance"] = (file => file.Replace("bn1", new("BatchNormalization", ["conv1", "bn1.weight", "bn1.bias", "bn1.running_mean"], ["bn1"])), "four tensors"),
        ["two batch norms in a row"] = (file => file.Replace("relu", new("BatchNormalization", ["bn1", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"], ["relu"])), "expected a ReLU after the first convolution, got BatchNormalization 'relu'"),
        ["a bias before a batch norm"] = (file => file.Replace("conv1", new OnnxNode("Conv", ["x", "conv1.weight", "bn1.bias"], ["conv1"]).With(Ints("strides", 2, 2), Ints("pads", 3, 3, 3, 3))), "without a bias, got one with a bias"),
        ["computed weights that nothing uses"] = (file => file.Nodes.Insert(0, new("Mul", ["conv1.weight", "conv1.weight"], ["w"])), "0 tensors fit"),
        ["computed weights that a convolution uses"] = (file =>
        {
            file.Nodes.Insert(0, new("Mul", ["conv1.weight", "conv1.weight"], ["w"]));
            file.FindNode("conv1").Inputs[1] = "w";
        }, "Conv 'conv1': expected a convolution with weights that are in the file"),
        ["integers as weights"] = (file => file.Tensors["conv1.weight"] = Tensor("conv1.weight", 6, [2, 3, 7, 7], new byte[4 * 294]), "elements of data type 6 as the weights of Conv 'conv1', expected floating-point numbers"),
        ["weights in another file"] = (file => file.Tensors["conv1.weight"] = Join(Number(1, 2), Number(1, 3), Number(1, 7), Number(1, 7), Number(2, 1), Text(8, "conv1.weight"), Field(13, Join(Text(1, "location"), Text(2, "/etc/passwd"))), Number(14, 1)), "tensors are in another file"),
        ["float16 as unpacked integers"] = (file => file.Tensors["bn1.bias"] = Join(Number(1, 2), Number(2, 10), Number(5, 1), Number(5, 2), Text(8, "bn1.bias")), "numpy_helper.from_array"),
        ["float16 as packed integers"] = (file => file.Tensors["bn1.bias"] = Join(Number(1, 2), Number(2, 10), Field(5, [1, 2]), Text(8, "bn1.bias")), "numpy_helper.from_array"),
        ["unpacked floats"] = (file => file.Tensors["bn1.bias"] = Join(Number(1, 2), Number(2, 1), Varint(4 << 3 | 5), new byte[4], Varint(4 << 3 | 5), new byte[4], Text(8, "bn1.bias")), "unpacked numbers"),
        ["floats and raw data"] = (file => file.Tensors["bn1.bias"] = Join(Number(1, 2), Number(2, 1), Field(4, new byte[8]), Field(9, new byte[8]), Text(8, "bn1.bias")), "unpacked numbers"),
        ["floats as another type"] = (file => file.Tensors["bn1.bias"] = Join(Number(1, 2), Number(2, 11), Field(4, new byte[16]), Text(8, "bn1.bias")), "unpacked numbers"),
        ["too few elements"] = (file => file.Tensors["bn1.bias"] = Tensor("bn1.bias", 1, [2], new byte[4]), "expected 8 bytes of Float32, got 4"),
        ["too many elements"] = (file => file.Tensors["bn1.bias"] = Tensor("bn1.bias", 1, [2], new byte[12]), "expected 8 bytes of Float32, got 12"),
        ["no elements"] = (file => file.Tensors["bn1.bias"] = Join(Number(1, 2), Number(2, 1), Text(8, "bn1.bias")), "expected 8 bytes of Float32, got 0"),
        ["a shape that overflows"] = (file => file.Tensors["bn1.bias"] = Tensor("bn1.bias", 1, [1L << 32, 1L << 32, 1L << 32], new byte[8]), "bytes of Float32, got 8"),
        ["a shape that overflows to the right size"] = (file => file.Tensors["bn1.bias"] = Tensor("bn1.bias", 1, [2, 1L << 62, 4, 1L << 62, 16], new byte[8]), "bytes of Float32, got 8"),
        ["a negative shape"] = (file => file.Tensors["bn1.bias"] = Tensor("bn1.bias", 1, [-2, -1], new byte[8]), "bytes of Float32, got 8"),
        ["an empty shape"] = (file => file.Tensors["conv1.weight"] = Tensor("conv1.weight", 1, [0, 3, 7, 7], []), "expected weights of shape (out_channels, in_channels, kernel, kernel), got (0, 3, 7, 7)"),
        ["many dimensions"] = (file => file.Tensors["bn1.bias"] = Tensor("bn1.bias", 1, [.. Enumerable.Repeat(1L, 9)], new byte[4]), "more than 8 numbers"),
        ["alpha in the classifier"] = (file => file.Set("fc", Float("alpha", 0.5f)), "expected alpha 1, got 0.5"),
        ["beta in the classifier"] = (file => file.Set("fc", Float("beta", 0)), "expected beta 1, got 0"),
        ["an alpha of zero, omitted by proto3"] = (file => file.Set("fc", Absent("alpha", 1)), "expected alpha 1, got 0"),
        ["a transB of zero, omitted by proto3"] = (file => file.Set("fc", Absent("transB", 2)), "expected weights for 4 features, got shape (3, 4)"),
        ["transB as a float"] = (file => file.Set("fc", Float("transB", 1)), "Gemm 'fc': expected a whole number as transB, got another value"),
        ["transA"] = (file => file.Set("fc", Int("transA", 1)), "expected transA 0, got 1"),
        ["a classifier for another number of features"] = (file => file.Tensors["fc.weight"] = Tensor("fc.weight", 3, 5), "expected weights for 4 features, got shape (3, 5)"),
        ["a bias of one element"] = (file => file.Tensors["fc.bias"] = Tensor("fc.bias", 1), "expected a bias of shape (3), got (1)"),
        ["an average over one axis"] = (file => file.Replace("avgpool", new OnnxNode("ReduceMean", ["layer4.0.relu2"], ["avgpool"]).With(Ints("axes", 2))), "expected axes (2, 3), got (2)"),
        ["an average over a window"] = (file => file.Replace("avgpool", new OnnxNode("AveragePool", ["layer4.0.relu2"], ["avgpool"]).With(Ints("kernel_shape", 7, 7))), "expected a window as large as its input"),
        ["an average with padding"] = (file =>
        {
            file.Inputs[0] = Value("x", 64);
            file.Replace("avgpool", new OnnxNode("AveragePool", ["layer4.0.relu2"], ["avgpool"]).With(Ints("kernel_shape", 2, 2), Ints("pads", 1, 1, 1, 1)));
        }, "expected padding 0, got 1"),
        ["no addition"] = (file => file.Replace("layer1.0.add", new("Relu", ["layer1.0.bn2"], ["layer1.0.add"])), "expected a shortcut around it after the stem, as in a residual network, got none"),
        ["a multiplication in place of the addition"] = (file => file.Replace("layer1.0.add", new("Mul", ["layer1.0.bn2", "maxpool"], ["layer1.0.add"])), "expected a ReLU and another convolution after it, or an addition, got Mul 'layer1.0.add'"),
        ["a dropout in training mode"] = (file =>
        {
            file.Nodes.Insert(file.Nodes.IndexOf(file.FindNode("layer1.0.conv2")), new("Dropout", ["layer1.0.relu1", "", "fc.bias"], ["dropout"]));
            file.FindNode("layer1.0.conv2").Inputs[0] = "dropout";
        }, "got Dropout 'dropout'"),
        ["a sum of three"] = (file => file.Replace("layer1.0.add", new("Sum", ["layer1.0.bn2", "maxpool", "maxpool"], ["layer1.0.add"])), "got Sum 'layer1.0.add'"),
        ["an addition of another value"] = (file => file.Replace("layer1.0.add", new("Add", ["layer1.0.bn2", "relu"], ["layer1.0.add"])), "is an ONNX model"),
        ["an addition of itself"] = (file => file.Replace("layer1.0.add", new("Add", ["layer1.0.bn2", "layer1.0.bn2"], ["layer1.0.add"])), "expected a shortcut around it after the stem"),
        ["another activation"] = (file => file.Replace("layer1.0.relu1", new("Sigmoid", ["layer1.0.bn1"], ["layer1.0.relu1"])), "got Sigmoid 'layer1.0.relu1'"),
        ["another activation after the addition"] = (file => file.Replace("layer1.0.relu2", new("Elu", ["layer1.0.add"], ["layer1.0.relu2"])), "expected a ReLU after Add 'layer1.0.add', got Elu 'layer1.0.relu2'"),
        ["two first convolutions"] = (file =>
        {
            file.Nodes.Insert(0, new("Conv", ["x", "conv1.weight"], ["other"]));
            file.Replace("relu", new("Sum", ["bn1", "other"], ["relu"]));
        }, "begins with 2 parallel convolutions"),
        ["no convolution"] = (file =>
        {
            file.Nodes.Clear();
            file.Nodes.Add(new("Flatten", ["x"], ["fc"]));
        }, "begins with 0 parallel convolutions"),
        ["a first convolution of another kind"] = (file => file.Set("conv1", Ints("strides", 1, 1)), "expected a first convolution of 7x7 with stride 2 and padding 3, or of 3x3 with stride 1 and padding 1, got 7x7 with stride 1, padding 3 and 1 groups"),
        ["another activation after the first convolution"] = (file => file.Replace("relu", new("Clip", ["bn1"], ["relu"])), "expected a ReLU after the first convolution, got Clip 'relu'"),
        ["a pooling with ceil_mode"] = (file => file.Set("maxpool", Int("ceil_mode", 1)), "expected ceil_mode 0, got 1"),
        ["a pooling with another window"] = (file => file.Set("maxpool", Ints("kernel_shape", 2, 2)), "expected 3x3 with stride 2 and padding 1, after a 7x7 convolution, got 2x2"),
        ["a node with a graph"] = (file => file.Replace("flatten", new OnnxNode("If", ["avgpool"], ["flatten"]).With(Join(Text(1, "then_branch"), Field(6, [])))), "If 'flatten': expected no node with a graph of its own"),
        ["a node of another domain"] = (file => file.FindNode("conv1").Domain = "com.microsoft", "com.microsoft.Conv 'conv1': expected one of ONNX's own operators, got one of another domain or one of the model's own functions"),
        ["a quantized node"] = (file => file.Replace("relu", new("QuantizeLinear", ["bn1", "bn1.bias"], ["relu"])), "is a quantized ONNX model (QuantizeLinear 'relu')"),
        ["a cycle"] = (file => file.FindNode("conv1").Inputs[0] = "fc", "Conv 'conv1' that reads 'fc', which is not an initializer and which no earlier node computes"),
        ["a value that is defined twice"] = (file => file.Nodes.Add(new("Relu", ["x"], ["conv1"])), "'conv1' is defined twice"),
        ["a tensor with the name of a value"] = (file => file.Tensors.Add("conv1", Tensor("conv1", 1)), "'conv1' is defined twice"),
        ["a node without an operator"] = (file => file.Nodes.Add(new("", ["x"], ["y"])), "a node has no operator, no output, or an attribute twice"),
        ["a node without an output"] = (file => file.Nodes.Add(new("Relu", ["x"], [])), "a node has no operator, no output, or an attribute twice"),
        ["a duplicate attribute"] = (file => file.FindNode("conv1").With(Ints("strides", 1, 1)), "an attribute twice"),
        ["an addition of three"] = (file => file.Replace("layer1.0.add", new("Add", ["layer1.0.bn2", "maxpool", "bn1.bias"], ["layer1.0.add"])), "got Add 'layer1.0.add'"),
        ["an activation with two inputs"] = (file => file.Replace("layer1.0.relu1", new("Relu", ["bn1", "layer1.0.bn1"], ["layer1.0.relu1"])), "is an ONNX model"),
        ["auto_pad for images of impossible size"] = (file =>
        {
            file.Inputs[0] = Join(Text(1, "x"), Field(2, Field(1, Field(2, Join(Field(1, []), Field(1, []), Field(1, Number(1, long.MaxValue)), Field(1, Number(1, long.MaxValue)))))));
            file.Set("conv1", String("auto_pad", "SAME_LOWER"));
        }, "got auto_pad SAME_LOWER"),
        ["two inputs"] = (file => file.Inputs.Add(Value("y")), "2 inputs (x, y), expected one"),
        ["no input"] = (file => file.Inputs.Clear(), "0 inputs, expected one"),
        ["two outputs"] = (file => file.Outputs.Add(Text(1, "relu")), "2 outputs (fc, relu), expected one"),
        ["an output that no node computes"] = (file => file.Outputs[0] = Text(1, "y"), "output 'y' no node computes"),
        ["an old opset"] = (file => file.Opset = 6, "opset 6, expected 7 or later"),
        ["a long name"] = (file => file.Nodes.Add(new(new string('a', 1001), ["x"], ["y"])), "a name of 1,001 bytes, expected at most 1,000"),
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_changed_graph_is_refused_with_the_reason(string change)
    {
        Assert.Contains(changes[change].Message, AssertRefused(CreateChanged(changes[change].Change)), StringComparison.Ordinal);
        _unchanged.Assert();
    }

    [Fact]
    public void A_broken_message_is_refused_with_the_reason()
    {
        var graph = new OnnxFile().Graph;
        foreach (var (file, message) in ((byte[], string)[])[
            (Join(Number(1, 8), Text(2, "test")), "it has no graph"),
            (Join(Number(1, 8), Text(2, "test"), Field(7, graph)), "it has no opset"),
            (Join(Number(1, 8), Text(2, "test"), Field(7, graph), Field(7, graph)), "field 7 appears twice"),
            (Join(new OnnxFile().Bytes, Field(8, Join(Text(1, "ai.onnx"), Number(2, 11)))), "of opset 17 and of opset 11, expected one"),
            (Join(Number(1, 8), Text(2, "test"), Number(7, 1)), "field 7 has wire type 0, expected 2"),
            (Join(Number(1, 8), Text(2, "test"), [0x3b]), "a field has wire type 3"),
            (Join(Number(1, 8), Text(2, "test"), [2]), "a field has no valid number"),
            (Join(Number(1, 8), Text(2, "test"), [0x3a, .. Varint(ulong.MaxValue)]), "a field claims 18,446,744,073,709,551,615 bytes"),
            (Join(Number(1, 8), Text(2, "test"), [0x38, .. Enumerable.Repeat((byte)0xff, 11)]), "a number has more than ten bytes"),
            (Join(new OnnxFile().Bytes, Field(25, Text(1, "Relu"))), "that replaces one of ONNX's operators with a function of its own"),
            (Join(Number(1, 8), Text(2, "test"), Field(7, Field(1, Field(4, [0xff])))), "a name is not valid UTF-8"),
            (Join(Number(1, 8), Text(2, "test"), Field(7, Field(1, [0x0a, 2, 0x61]))), "a field claims 2 bytes, but only 1 are left")])
            Assert.Contains(message, AssertRefused(file), StringComparison.Ordinal);
        _unchanged.Assert();
    }

    /// <summary>Writers of Protocol Buffers may write fields in any order and omit empty ones.</summary>
    [Fact]
    public void ONNX_is_recognized_with_its_fields_in_any_order()
    {
        var (version, producer, graph, opset) = (Number(1, 8), Text(2, "test"), Field(7, new OnnxFile().Graph), Field(8, Join(Text(1, ""), Number(2, 17))));
        foreach (var file in (byte[][])[
            Join(version, graph, opset), Join(version, Number(5, 1), graph, opset), Join(version, Number(5, 200), graph, opset), Join(graph, opset, version), Join(opset, graph, version), Join(opset, version, graph),
            Join(Number(5, 1), version, opset, graph), Join(producer, Number(5, 1), graph, opset), Join(Text(6, "documentation"), graph, opset), Join(version, opset, opset, graph),
            Join(Field(14, Join(Text(1, "key"), Text(2, "value"))), graph, opset, version)])
            Assert.Contains("does not fit ResNet18: the file's network has 10 layers, expected 18; 0 tensors fit", AssertRefused(file), StringComparison.Ordinal);
        _unchanged.Assert();
    }

    [Theory]
    [InlineData("(a:b", "is text starting with '(a:b'")]
    [InlineData("\"ab\"", "is text starting with")]
    [InlineData(":-)", "is text starting with")]
    [InlineData("BZh91AY&SY", "is compressed with bzip2")]
    [InlineData("2:b\nB", "is text starting with")]
    [InlineData("rabbit", "is text starting with")]
    public void Other_files_that_begin_like_ONNX_are_recognized(string start, string message) => Assert.Contains(message, AssertRefused(System.Text.Encoding.UTF8.GetBytes(start)), StringComparison.Ordinal);

    /// <summary>The format is recursive in one place: a graph in a node's attribute.</summary>
    [Fact]
    public void Deeply_nested_graphs_are_refused()
    {
        var nested = Array.Empty<byte>();
        for (var i = 0; i < 2000; i++)
            nested = Join(Field(1, Join(Text(2, "y"), Text(4, "If"), Field(5, Join(Text(1, "then_branch"), Field(6, nested))))));
        var file = new OnnxFile();
        file.Replace("flatten", new OnnxNode("If", ["avgpool"], ["flatten"]).With(Join(Text(1, "then_branch"), Field(6, nested))));
        Assert.Contains("If 'flatten'", AssertRefused(file.Bytes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_truncated_at_any_byte_is_refused()
    {
        var file = new OnnxFile().Bytes;
        for (var length = 3; length < file.Length; length += length < 2000 || length > file.Length - 50 ? 11 : 191)
            Assert.Contains("is damaged at byte", AssertRefused(file[..length]), StringComparison.Ordinal);
        _unchanged.Assert();
    }

    /// <summary>The network is refused even without the flipped bits, so only the message counts.</summary>
    [Fact, Trait(Category.Name, Category.Slow)]
    public void Flipped_bits_get_a_clear_error()
    {
        var random = new Random(17);
        var file = new OnnxFile();
        var (whole, nodes) = (file.Bytes, Join([.. file.Nodes.Select(node => Field(1, node.Bytes))]).Length);
        for (var i = 0; i < 600; i++)
        {
            var changed = whole.ToArray();
            for (var changes = random.Next(1, 5); changes > 0; changes--)
                changed[random.Next(3, i % 3 == 0 ? changed.Length : nodes)] ^= (byte)(1 << random.Next(8));
            AssertRefused(changed);
        }
        _unchanged.Assert();
    }

    /// <summary>This network fits. Either it loads, or a clear message refuses it.</summary>
    [Fact]
    public void A_flipped_bit_in_the_graph_is_refused_or_harmless()
    {
        using var exported = new ResNet18(10, Stem.Conv7MaxPool);
        OnnxExporter.Export(exported, _folder["model.onnx"]);
        var random = new Random(18);
        var (refused, loaded) = (0, 0);
        for (var i = 0; i < 40; i++)
        {
            var position = random.Next(3, 6000); // within the nodes
            Flip(position, 1 << (i % 8));
            try
            {
                Checkpoint.Load(_model, _folder["model.onnx"]);
                loaded++;
                _unchanged.Restore();
            }
            catch (InvalidDataException)
            {
                refused++;
            }
            Flip(position, 1 << (i % 8));
        }
        _unchanged.Assert();
        Assert.InRange(refused, 15, 39);
        Assert.Equal(40, refused + loaded);

        void Flip(int position, int bit)
        {
            using var file = new FileStream(_folder["model.onnx"], FileMode.Open, FileAccess.ReadWrite);
            file.Position = position;
            var value = file.ReadByte();
            file.Position = position;
            file.WriteByte((byte)(value ^ bit));
        }
    }

    public static TheoryData<string> ManyElements => [.. manyElements.Keys];

    /// <summary>A file gets half a megabyte of each.</summary>
    private static readonly Dictionary<string, Func<int, byte[]>> manyElements = new()
    {
        ["nodes"] = i => Field(1, new OnnxNode("R", ["x"], [$"{i:x}"]).Bytes),
        ["a chain of nodes"] = i => Field(1, new OnnxNode("R", [i == 0 ? "x" : $"{i - 1:x}"], [$"{i:x}"]).Bytes),
        ["a chain of Identity nodes"] = i => Field(1, new OnnxNode("Identity", [i == 0 ? "x" : $"{i - 1:x}"], [$"{i:x}"]).Bytes),
        ["parallel convolutions"] = i => Field(1, new OnnxNode("Conv", ["x", "conv1.weight"], [$"{i:x}"]).Bytes),
        ["tensors"] = i => Field(5, Text(8, $"{i:x}")),
        ["inputs"] = i => Field(11, Text(1, $"{i:x}")),
        ["outputs"] = i => Field(12, Text(1, "x")),
        ["unused value infos"] = i => Field(13, Text(1, $"{i:x}")),
    };

    private static readonly Dictionary<string, (byte[] Start, byte[] Again, Func<byte[], byte[]> In)> largeElements = new()
    {
        ["inputs of a node"] = (Join(Text(2, "y"), Text(4, "Sum")), Text(1, "x"), fields => Field(1, fields)),
        ["outputs of a node"] = (Join(Text(1, "x"), Text(4, "Split")), Text(2, ""), fields => Field(1, fields)),
        ["attributes"] = (Join(Text(1, "x"), Text(2, "y"), Text(4, "R")), Field(5, []), fields => Field(1, fields)),
        ["attributes with numbers"] = (Join(Text(1, "x"), Text(2, "y"), Text(4, "R")), Field(5, Number(8, 1)), fields => Field(1, fields)),
        ["attributes with tensors"] = (Join(Text(1, "x"), Text(2, "y"), Text(4, "R")), Field(5, Field(5, [])), fields => Field(1, fields)),
        ["dimensions of an input"] = (Text(1, "y"), Field(2, Field(1, Field(2, Field(1, [])))), fields => Field(11, fields)),
    };

    public static TheoryData<string> LargeElements => [.. largeElements.Keys];

    [Theory, Trait(Category.Name, Category.Slow)]
    [MemberData(nameof(ManyElements))]
    public void Memory_for_many_elements_is_bounded_by_the_file_size(string kind)
    {
        var parts = new List<byte[]>();
        for (var (i, length) = (0, 0); length < 1 << 19; i++, length += parts[^1].Length)
            parts.Add(manyElements[kind](i));
        AssertMemory(kind, Join([.. parts]));
    }

    [Theory]
    [MemberData(nameof(LargeElements))]
    public void Memory_for_one_large_element_is_bounded_by_the_file_size(string kind)
    {
        var (start, again, within) = largeElements[kind];
        AssertMemory(kind, within(Join([start, .. Enumerable.Repeat(again, (1 << 19) / again.Length)])));
    }

    private void AssertMemory(string kind, byte[] more)
    {
        AssertFactor(kind, Model(Join(new OnnxFile().Graph, more)));
        AssertFactor(kind, Model(Join(Field(11, Value("x")), Field(12, Text(1, "y")), more)));
    }

    /// <summary>Asserts how many bytes .NET allocates per byte of the file, in addition to a megabyte.</summary>
    private void AssertFactor(string kind, byte[] file)
    {
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        AssertRefused(file);
        var factor = (GC.GetAllocatedBytesForCurrentThread() - allocated - (1 << 20)) / (double)file.Length;
        Assert.True(factor < 60, $"{kind}: {factor}");
    }

    [Fact]
    public void Memory_for_many_nodes_before_the_first_convolution_is_bounded_by_the_file_size()
    {
        var file = new OnnxFile();
        for (var i = 0; i < 30_000; i++)
            file.Nodes.Insert(i, new("R", [i == 0 ? "x" : $"{i - 1:x}"], [$"{i:x}"]));
        file.FindNode("conv1").Inputs[0] = $"{29_999:x}";
        AssertFactor("nodes before the first convolution", file.Bytes);
    }

    [Fact]
    public void A_file_larger_than_protobuf_allows_is_refused()
    {
        var path = _folder.Write("model.onnx", Join(Number(1, 8), Text(2, "test")));
        using (var file = new FileStream(path, FileMode.Open))
            file.SetLength(1L << 31); // a sparse file
        Assert.Contains("of 2,147,483,648 bytes, expected at most 2,147,483,647", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(_model, path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_graph_larger_than_any_network_is_refused() =>
        Assert.Contains("graph without its tensors has more than 4,194,304 bytes", AssertRefused(Model(Join([.. Enumerable.Repeat(Field(1, new OnnxNode("R", ["x"], ["y"]).Bytes), 400_000)]))), StringComparison.Ordinal);
}
