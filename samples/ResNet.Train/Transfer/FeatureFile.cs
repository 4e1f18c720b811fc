using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>A file with the features of images, so that a second run does not compute them again.</summary>
/// <param name="Network">The identity of the network and its preprocessing, from <see cref="Identify"/>; 32 bytes.</param>
/// <param name="Digests">The digest of each image, from <see cref="Image.ComputeDigest"/> without its label.</param>
/// <param name="Features">The features, shape (number of images, features), float32.</param>
internal sealed record FeatureFile(byte[] Network, IReadOnlyList<string> Digests, Tensor Features)
{
    public const string FileName = "features.safetensors";

    private const int DigestLength = 16; // hexadecimal digits
    private const string Version = "1"; // of decoding and drawing: change it when pixels change

    /// <returns>A digest of everything that determines features: the weights except the classifier's, the preprocessing, and the type of the computation.</returns>
    public static byte[] Identify(ResidualNetwork model, ModelConfig network, ScalarType dtype = ScalarType.Float32)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        double[] numbers = [network.Size, network.CropRatio, .. network.Normalization.Mean, .. network.Normalization.StandardDeviation];
        hash.AppendData(Encoding.UTF8.GetBytes(
            $"{Version} {network.Architecture} {network.Stem} {network.Grayscale} {string.Join(' ', numbers.Select(number => number.ToString("r", CultureInfo.InvariantCulture)))}{(dtype == ScalarType.Float32 ? "" : $" {dtype}")}"));
        foreach (var (_, tensor) in Classifier.ListOthers(model))
        {
            using var copy = tensor.cpu().contiguous();
            hash.AppendData(copy.bytes);
        }
        return hash.GetHashAndReset();
    }

    /// <returns>The part of an image's digest that determines its features.</returns>
    public static string GetKey(string digest) => digest[..DigestLength];

    /// <param name="path">The file.</param>
    /// <param name="width">The number of features of an image.</param>
    /// <param name="network">The expected identity of the network.</param>
    /// <returns>The features; null if the file is missing or belongs to another network.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, or is no feature file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static FeatureFile? Read(string path, long width, byte[] network)
    {
        if (!File.Exists(path))
            return null;
        // Read the count first: a module needs the shapes of the tensors that it loads.
        using var header = new Contents(count: 0, width);
        Load(header, path);
        if (!header.Network.SequenceEqual(network))
            return null;
        var count = header.Count;
        if (count < 0 || count > new FileInfo(path).Length / (width * sizeof(float)))
            throw new InvalidDataException($"{path}: expected no more images than fit into the file, got {count}");

        using var contents = new Contents(count, width);
        if (!Load(contents, path).IsComplete)
            throw new InvalidDataException($"{path}: expected the features of {count} images");
        if (contents.Digests.Distinct().Count() < count || !contents.Features.isfinite().all().item<bool>())
            throw new InvalidDataException($"{path}: expected each image once, and finite features");
        return new FeatureFile(network, contents.Digests, contents.Features.clone().DetachFromDisposeScope());
    }

    public void Write(OutputFolder output)
    {
        using var contents = new Contents(this);
        output.Write(FileName, contents);
    }

    private static LoadReport Load(Contents contents, string path) => Checkpoint.Load(contents, path, strict: false);

    /// <summary>The file's content as a module, so that <see cref="Checkpoint"/> saves and loads it.</summary>
    private sealed class Contents : nn.Module
    {
        private readonly Tensor _network, _count, _digests;

        public Contents(long count, long width)
            : base(nameof(FeatureFile))
        {
            register_buffer("network", _network = zeros([SHA256.HashSizeInBytes], ScalarType.Byte));
            register_buffer("count", _count = zeros([], ScalarType.Int64));
            register_buffer("digests", _digests = zeros([count, DigestLength / 2], ScalarType.Byte));
            register_buffer("features", Features = zeros([count, width]));
        }

        public Contents(FeatureFile file)
            : this(file.Digests.Count, file.Features.shape[1])
        {
            file.Network.CopyTo(_network.bytes);
            _count.fill_(file.Digests.Count);
            Convert.FromHexString(string.Concat(file.Digests.Select(GetKey))).CopyTo(_digests.bytes);
            Features.copy_(file.Features);
        }

        public byte[] Network => _network.bytes.ToArray();

        public long Count => _count.item<long>();

        public IReadOnlyList<string> Digests => [.. Convert.ToHexStringLower(_digests.bytes).Chunk(DigestLength).Select(digits => new string(digits))];

        public Tensor Features { get; }
    }
}
