using System.Globalization;

namespace ResNet.Core.Weights.Onnx;

/// <summary>The residual network that an ONNX file's graph is, as a <c>state_dict</c> under the names of one in a module.</summary>
internal sealed class OnnxStateDict : StateDict
{
    private readonly NetworkReader _network;
    private readonly NamedNetwork _target;

    private OnnxStateDict(NetworkReader network, NamedNetwork target) => (_network, _target) = (network, target);

    /// <summary>Whether a file is ONNX: its first field is its version of the format, and then comes its producer, its graph or its operators.</summary>
    /// <param name="start">The file's first bytes.</param>
    public static bool Starts(ReadOnlySpan<byte> start) => start is [0x08, >= 1 and <= 30, 0x12 or 0x1a or 0x22 or 0x2a or 0x32 or 0x3a or 0x42, ..];

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
