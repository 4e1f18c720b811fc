using System.Text;

namespace ResNet.Core.Tests.Weights;

/// <summary>A node of an ONNX file that a test writes.</summary>
internal sealed record OnnxNode(string Type, string[] Inputs, string[] Outputs)
{
    public string Domain { get; set; } = "";

    /// <summary>The encoded fields of each AttributeProto.</summary>
    public List<byte[]> Attributes { get; } = [];

    public OnnxNode With(params byte[][] attributes)
    {
        Attributes.AddRange(attributes);
        return this;
    }

    public byte[] Bytes => OnnxFile.Join(
        [.. Inputs.Select(input => OnnxFile.Text(1, input)), .. Outputs.Select(output => OnnxFile.Text(2, output)), OnnxFile.Text(3, Outputs.FirstOrDefault() ?? ""), OnnxFile.Text(4, Type),
            .. Attributes.Select(attribute => OnnxFile.Field(5, attribute)), OnnxFile.Text(7, Domain)]);
}

/// <summary>
/// A residual network as PyTorch exports it, with batch norms, but with few channels: errors in the graph are found before the shapes are compared. A test changes it and writes it.
/// A method without a verb returns the encoded message or field of that name.
/// </summary>
internal sealed class OnnxFile
{
    public List<OnnxNode> Nodes { get; } = [];

    /// <summary>The encoded fields of each TensorProto, by name.</summary>
    public Dictionary<string, byte[]> Tensors { get; } = [];

    /// <summary>The encoded fields of each ValueInfoProto.</summary>
    public List<byte[]> Inputs { get; } = [Value("x")];

    public List<byte[]> Outputs { get; } = [Text(1, "fc")];

    public long Opset { get; set; } = 17;

    private readonly int _type;

    /// <summary>One block per layer, and hardly any channels.</summary>
    public OnnxFile()
        : this([2, 4, 4, 4], blocks: 1, classes: 3, type: 1)
    {
    }

    /// <summary>A ResNet-18 with ten classes.</summary>
    /// <param name="type">ONNX's number for the elements' type.</param>
    public static OnnxFile CreateResNet18(int type = 1) => new([64, 128, 256, 512], blocks: 2, classes: 10, type);

    private OnnxFile(int[] widths, int blocks, int classes, int type)
    {
        _type = type;
        AddConvNorm("x", "conv1", "bn1", widths[0], 3, 7, 2);
        Nodes.Add(new("Relu", ["bn1"], ["relu"]));
        Nodes.Add(new OnnxNode("MaxPool", ["relu"], ["maxpool"]).With(Ints("kernel_shape", 3, 3), Ints("strides", 2, 2), Ints("pads", 1, 1, 1, 1)));
        var (x, channels) = ("maxpool", widths[0]);
        for (var layer = 0; layer < 4; layer++)
            for (var i = 0; i < blocks; i++)
            {
                var (name, width, stride) = ($"layer{layer + 1}.{i}", widths[layer], layer > 0 && i == 0 ? 2 : 1);
                if (stride == 2) // before the branch, as CNTK writes it
                    AddConvNorm(x, $"{name}.shortcut.0", $"{name}.shortcut.1", width, channels, 1, stride);
                AddConvNorm(x, $"{name}.conv1", $"{name}.bn1", width, channels, 3, stride);
                Nodes.Add(new("Relu", [$"{name}.bn1"], [$"{name}.relu1"]));
                AddConvNorm($"{name}.relu1", $"{name}.conv2", $"{name}.bn2", width, width, 3, 1);
                Nodes.Add(new("Add", [$"{name}.bn2", stride == 2 ? $"{name}.shortcut.1" : x], [$"{name}.add"]));
                Nodes.Add(new("Relu", [$"{name}.add"], [$"{name}.relu2"]));
                (x, channels) = ($"{name}.relu2", width);
            }
        Nodes.Add(new("GlobalAveragePool", [x], ["avgpool"]));
        Nodes.Add(new OnnxNode("Flatten", ["avgpool"], ["flatten"]).With(Int("axis", 1)));
        Nodes.Add(new OnnxNode("Gemm", ["flatten", "fc.weight", "fc.bias"], ["fc"]).With(Int("transB", 1)));
        Add("fc.weight", classes, channels);
        Add("fc.bias", classes);
    }

    private void AddConvNorm(string x, string conv, string norm, int outChannels, int inChannels, int kernel, int stride)
    {
        Add($"{conv}.weight", outChannels, inChannels, kernel, kernel);
        Nodes.Add(new OnnxNode("Conv", [x, $"{conv}.weight"], [conv]).With(Ints("strides", stride, stride), Ints("pads", [.. Enumerable.Repeat((long)(kernel - 1) / 2, 4)])));
        string[] tensors = [$"{norm}.weight", $"{norm}.bias", $"{norm}.running_mean", $"{norm}.running_var"];
        foreach (var tensor in tensors)
            Add(tensor, outChannels);
        Nodes.Add(new("BatchNormalization", [conv, .. tensors], [norm]));
    }

    private void Add(string name, params long[] dims) => Tensors.Add(name, Tensor(name, _type, dims));

    public OnnxNode FindNode(string output) => Nodes.First(node => node.Outputs[0] == output);

    /// <summary>Replaces a node.</summary>
    public OnnxNode Replace(string output, OnnxNode node)
    {
        Nodes[Nodes.IndexOf(FindNode(output))] = node;
        return node;
    }

    /// <summary>Replaces or adds an attribute.</summary>
    public void Set(string output, byte[] attribute)
    {
        var node = FindNode(output);
        var nameLength = attribute[1];
        node.Attributes.RemoveAll(other => other.AsSpan(0, nameLength + 2).SequenceEqual(attribute.AsSpan(0, nameLength + 2)));
        node.Attributes.Add(attribute);
    }

    public byte[] Graph => Join([.. Nodes.Select(node => Field(1, node.Bytes)), Text(2, "graph"), .. Tensors.Values.Select(tensor => Field(5, tensor)), .. Inputs.Select(input => Field(11, input)), .. Outputs.Select(output => Field(12, output))]);

    public byte[] Bytes => Model(Graph, Opset);

    public static byte[] Model(byte[] graph, long opset = 17) => Join(Number(1, 8), Text(2, "test"), Field(7, graph), Field(8, Join(Text(1, ""), Number(2, opset))));

    /// <summary>A ValueInfoProto for images.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="size">Height and width; symbolic if null.</param>
    public static byte[] Value(string name, int? size = null)
    {
        byte[][] lengths = [Text(2, "N"), Number(1, 3), size is { } height ? Number(1, height) : Text(2, "H"), size is { } width ? Number(1, width) : Text(2, "W")];
        return Join(Text(1, name), Field(2, Field(1, Join(Number(1, 1), Field(2, Join([.. lengths.Select(length => Field(1, length))]))))));
    }

    /// <summary>A value that depends on the tensor and the position, and is exact in every type.</summary>
    public static float Element(string name, long i) => ((7 * i + name.Sum(character => character)) % 17 - 8) / 8f;

    /// <summary>A TensorProto with these values, in float32.</summary>
    public static byte[] Tensor(string name, params long[] dims) => Tensor(name, 1, dims);

    private static byte[] Tensor(string name, int type, long[] dims) => Tensor(name, type, dims, Elements(name, type, dims));

    public static byte[] Elements(string name, int type, params long[] dims)
    {
        var seventeen = Enumerable.Range(0, 17).Select(i => Element(name, i)).Select(value => type switch
        {
            1 => BitConverter.GetBytes(value),
            10 => BitConverter.GetBytes((Half)value),
            11 => BitConverter.GetBytes((double)value),
            _ => BitConverter.GetBytes(value)[2..], // bfloat16
        }).ToArray();
        var size = seventeen[0].Length;
        var elements = new byte[size * dims.Aggregate(1L, (product, length) => product * length)];
        for (var i = 0; i < elements.Length / size; i++)
            seventeen[i % 17].CopyTo(elements, i * size);
        return elements;
    }

    public static byte[] Tensor(string name, int type, long[] dims, byte[] raw) => Join([.. dims.Select(length => Number(1, length)), Number(2, type), Text(8, name), Field(9, raw)]);

    public static byte[] Int(string name, long value) => Join(Text(1, name), Number(3, value), Number(20, 2));

    public static byte[] Ints(string name, params long[] values) => Join([Text(1, name), .. values.Select(value => Number(8, value)), Number(20, 7)]);

    public static byte[] Float(string name, float value) => Join(Text(1, name), Varint(2 << 3 | 5), BitConverter.GetBytes(value), Number(20, 1));

    public static byte[] String(string name, string value) => Join(Text(1, name), Text(4, value), Number(20, 3));

    /// <summary>An attribute whose value is zero or empty. Writers of proto3 omit the value.</summary>
    public static byte[] Absent(string name, int type) => Join(Text(1, name), Number(20, type));

    public static byte[] Number(int field, long value) => Join(Varint((ulong)field << 3), Varint((ulong)value));

    public static byte[] Text(int field, string text) => Field(field, Encoding.UTF8.GetBytes(text));

    public static byte[] Field(int field, byte[] value) => Join(Varint((ulong)field << 3 | 2), Varint((ulong)value.Length), value);

    public static byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        return [.. bytes, (byte)value];
    }

    public static byte[] Join(params byte[][] parts)
    {
        var all = new byte[parts.Sum(part => part.Length)];
        var position = 0;
        foreach (var part in parts)
        {
            part.CopyTo(all, position);
            position += part.Length;
        }
        return all;
    }
}
