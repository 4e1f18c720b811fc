using System.Globalization;
using Google.Protobuf;
using ResNet.Core.Onnx;

namespace ResNet.Core.Weights.Onnx;

/// <summary>The residual network in an ONNX file, as a <c>state_dict</c> under the names of a network in a module.</summary>
internal sealed class OnnxStateDict : StoredStateDict
{
    private static readonly int[] modelFields =
    [
        ModelFields.ProducerName, ModelFields.ProducerVersion, ModelFields.Domain, ModelFields.DocString, ModelFields.Graph, ModelFields.OpsetImport,
        ModelFields.MetadataProps, ModelFields.TrainingInfo, ModelFields.Functions, ModelFields.Configuration,
    ];

    private static readonly int[] graphFields =
    [
        GraphFields.Node, GraphFields.Name, GraphFields.Initializer, GraphFields.DocString, GraphFields.Input, GraphFields.Output, GraphFields.ValueInfo,
        GraphFields.QuantizationAnnotation, GraphFields.SparseInitializer,
    ];

    private readonly NetworkReader _network;
    private readonly NamedNetwork _target;

    private OnnxStateDict(NetworkReader network, NamedNetwork target) => (_network, _target) = (network, target);

    /// <summary>
    /// Whether a file starts like a <c>ModelProto</c>. It is read up to one field after its <c>ir_version</c>, or up to its graph if the graph comes first.
    /// </summary>
    /// <param name="start">The file's first bytes.</param>
    public static bool IsOnnx(ReadOnlySpan<byte> start)
    {
        var (irVersion, modelVersion, graph) = (WireFormat.MakeTag(ModelFields.IrVersion, WireFormat.WireType.Varint), WireFormat.MakeTag(ModelFields.ModelVersion, WireFormat.WireType.Varint), MakeBytesTag(ModelFields.Graph));
        var hasVersion = false;
        while (ReadVarint(ref start) is { } tag)
        {
            if (tag == irVersion && !hasVersion)
            {
                if (ReadVarint(ref start) is not (>= 1 and <= 30))
                    return false;
                hasVersion = true;
                continue;
            }
            if (tag != modelVersion && !modelFields.Any(field => tag == MakeBytesTag(field)))
                return false;
            if (hasVersion)
                return true;
            if (ReadVarint(ref start) is not { } value)
                return false;
            if (tag == graph) // a network's graph is longer than this and starts with one of its own fields; text does not
                return value >= 128 && start is [var first, ..] && graphFields.Any(field => first == MakeBytesTag(field));
            if (tag == modelVersion)
                continue;
            if (value > (ulong)start.Length)
                return false;
            start = start[(int)value..];
        }
        return false;

        static uint MakeBytesTag(int field) => WireFormat.MakeTag(field, WireFormat.WireType.LengthDelimited);

        static ulong? ReadVarint(ref ReadOnlySpan<byte> bytes)
        {
            var value = 0UL;
            for (var i = 0; i < Math.Min(bytes.Length, 10); i++)
            {
                value |= (ulong)(bytes[i] & 0x7f) << (7 * i);
                if (bytes[i] < 0x80)
                {
                    bytes = bytes[(i + 1)..];
                    return value;
                }
            }
            return null;
        }
    }

    /// <param name="file">The file.</param>
    /// <param name="networks">The networks in the module.</param>
    /// <exception cref="InvalidDataException">The file is damaged or not a residual network, or the module does not have exactly one network.</exception>
    public static OnnxStateDict Read(FileStream file, IReadOnlyList<NamedNetwork> networks)
    {
        if (networks is not [var target])
            throw new InvalidDataException($"is an ONNX model, which loads into a module with exactly one {nameof(ResidualNetwork)}, got one with {(networks.Count == 0 ? "none" : $"{networks.Count}")}; if the model comes from PyTorch, save its state_dict in Python: torch.save(model.state_dict(), \"state_dict.pth\")");
        if (target.Description.Epsilon != Convolution.Epsilon)
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"is an ONNX model, expected a network whose batch norms have eps {Convolution.Epsilon}, the default, got {target.Description.Epsilon?.ToString(CultureInfo.InvariantCulture) ?? "several"}"));
        if (file.Length > int.MaxValue)
            throw new InvalidDataException($"is an ONNX model of {file.Length:N0} bytes, expected at most {int.MaxValue:N0}, the limit of Protocol Buffers");
        var reader = new ProtoReader(file.SafeFileHandle, file.Length);
        return new OnnxStateDict(NetworkReader.Read(new Graph(GraphProto.Read(reader), reader), reader), target);
    }

    public override IEnumerable<(string Name, StoredTensor? Tensor)> Entries => _network.Entries.Select(entry => (_target.GetFullName(entry.Name), entry.Tensor));

    public override string Place => "";

    public override string? FindMetadata(string module, string key) => module != _target.Path ? null : NetworkMetadata.Find(key, _network.Stem, _network.Classes);

    protected override string FormatPythonToSave(Func<string, string> choose) => $"torch.save({choose("model.state_dict()")}, \"one.pth\")";
}
