using System.Globalization;

namespace ResNet.Core.Weights.Onnx;

/// <summary>The residual network that an ONNX file's graph is, as a <c>state_dict</c> under the names of one in a module.</summary>
internal sealed class OnnxStateDict : StateDict
{
    private readonly NetworkReader _network;
    private readonly NamedNetwork _target;

    private OnnxStateDict(NetworkReader network, NamedNetwork target) => (_network, _target) = (network, target);

    /// <summary>Whether a file is ONNX: a ModelProto, up to a field behind its version of the format, or up to its graph where that comes before the version.</summary>
    /// <param name="start">The file's first bytes.</param>
    public static bool Starts(ReadOnlySpan<byte> start)
    {
        const uint Version = 1 << 3, ModelVersion = 5 << 3, Graph = 7 << 3 | 2;
        var hasVersion = false;
        while (Varint(ref start) is { } tag)
        {
            if (tag == Version && !hasVersion)
            {
                if (Varint(ref start) is not (>= 1 and <= 30))
                    return false;
                hasVersion = true;
                continue;
            }
            // Names and documentation; operator sets, properties, training, functions, devices.
            if (tag is not (ModelVersion or Graph or (2 << 3 | 2) or (3 << 3 | 2) or (4 << 3 | 2) or (6 << 3 | 2) or (8 << 3 | 2) or (14 << 3 | 2) or (20 << 3 | 2) or (25 << 3 | 2) or (26 << 3 | 2)))
                return false;
            if (hasVersion)
                return true;
            if (Varint(ref start) is not { } value)
                return false;
            if (tag == Graph) // with a network it is longer than this, and begins with one of its own fields; text does not
                return value >= 128 && start is [0x0a or 0x12 or 0x2a or 0x52 or 0x5a or 0x62 or 0x6a or 0x72 or 0x7a, ..];
            if (tag == ModelVersion)
                continue;
            if (value > (ulong)start.Length)
                return false;
            start = start[(int)value..];
        }
        return false;

        static ulong? Varint(ref ReadOnlySpan<byte> bytes)
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
    /// <param name="networks">Those in the module.</param>
    /// <exception cref="InvalidDataException">It is no residual network, or is damaged; or the module has not the one network that it could be for.</exception>
    public static OnnxStateDict Read(FileStream file, IReadOnlyList<NamedNetwork> networks)
    {
        if (networks is not [var target])
            throw new InvalidDataException($"is an ONNX model, whose weights are found by its graph, expected a module with one {nameof(ResidualNetwork)}, got one with {(networks.Count == 0 ? "none" : $"{networks.Count}")}; where the model is PyTorch's, save its state_dict in Python: torch.save(model.state_dict(), path)");
        if (target.Description.Epsilon != Convolution.Epsilon)
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"is an ONNX model, expected a network whose batch norms have eps {Convolution.Epsilon}, as all of this library have at first, got {target.Description.Epsilon?.ToString(CultureInfo.InvariantCulture) ?? "several"}"));
        if (file.Length > int.MaxValue)
            throw new InvalidDataException($"is an ONNX model of {file.Length:N0} bytes, expected at most {int.MaxValue:N0}, more than which Protocol Buffers does not hold");
        var reader = new ProtoReader(file.SafeFileHandle, file.Length);
        return new OnnxStateDict(NetworkReader.Read(new Graph(GraphProto.Read(reader), reader), reader), target);
    }

    public override IEnumerable<(string Name, StoredTensor? Tensor)> Entries => _network.Entries.Select(entry => (_target.FullName(entry.Name), entry.Tensor));

    public override string Place => "";

    public override string? Metadata(string module, string key) => module != _target.Path ? null : NetworkMetadata.Find(key, _network.Stem, _network.Classes);

    protected override string PythonToSave(Func<string, string> choose) => $"torch.save({choose("model.state_dict()")}, \"one.pth\")";
}
