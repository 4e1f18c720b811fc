using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class FeatureFileTests : IDisposable
{
    private const string First = "00112233445566aa", Second = "ffeeddccbbaa9988";

    private readonly TempFolder _folder = new();
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly byte[] _network = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    public void Dispose()
    {
        _scope.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Written_features_are_read_back()
    {
        var features = randn(2, 8);
        Write(features);

        var read = Read(8)!;

        Assert.Equal([First, Second], read.Digests);
        Assert.True(read.Features.Equals(features));
    }

    [Fact]
    public void A_missing_file_and_another_networks_file_have_no_features()
    {
        Assert.Null(Read(8));
        Write(randn(2, 8));
        Assert.Null(FeatureFile.Read(_folder[FeatureFile.FileName], 8, new byte[32]));
    }

    [Fact]
    public void A_damaged_file_is_refused()
    {
        Write(randn(2, 8));
        using (var file = File.OpenWrite(_folder[FeatureFile.FileName]))
            file.SetLength(file.Length - 3);
        Assert.Throws<InvalidDataException>(() => Read(8));
    }

    [Fact]
    public void NaN_features_and_duplicate_images_are_refused()
    {
        Write(full(2, 8, float.NaN));
        Assert.Throws<InvalidDataException>(() => Read(8));

        new FeatureFile(_network, [First, First], randn(2, 8)).Write(new OutputFolder(_folder.Path));
        Assert.Throws<InvalidDataException>(() => Read(8));
    }

    [Fact]
    public void The_identity_covers_weights_preprocessing_and_type_but_not_the_classifier()
    {
        using var model = new ResNet18(2);
        var network = new ModelConfig(Stem.Conv7, 32, 1, Grayscale: false, Normalization.ImageNet, ["a", "b"]);
        byte[][] identities =
        [
            FeatureFile.Identify(model, network),
            FeatureFile.Identify(model, network, ScalarType.BFloat16),
            FeatureFile.Identify(model, network with { Size = 64 }),
            FeatureFile.Identify(model, network with { CropRatio = 0.875 }),
            FeatureFile.Identify(model, network with { Normalization = new([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]) }),
            IdentifyAfter(() => model.bn1.running_mean!.add_(1e-3)),
        ];
        Assert.Equal(identities.Length, identities.Select(Convert.ToHexString).Distinct().Count());
        var now = FeatureFile.Identify(model, network);
        Assert.Equal(now, IdentifyAfter(() => model.fc.weight!.add_(1)));

        byte[] IdentifyAfter(Action change)
        {
            using (no_grad())
                change();
            return FeatureFile.Identify(model, network with { Classes = ["c", "d"] });
        }
    }

    [Fact]
    public void Features_are_the_input_of_the_classifier()
    {
        using var model = new ResNet18(3);
        model.eval();
        var network = new ModelConfig(Stem.Conv7, 32, 1, Grayscale: true, new([0.4, 0.5, 0.6], [0.2, 0.3, 0.4]), ["a", "b", "c"]);
        Image[] images = [.. Enumerable.Range(0, 40).Select(i => new MemoryImage(CreatePixels(i), 28, 0, $"{i}"))];
        using var extractor = new FeatureExtractor(model, network, CPU);
        var steps = new List<int>();

        var features = extractor.Extract(images, steps.Add, CancellationToken.None);

        using var batch = Batch.Decode(images, network);
        var expected = model.avgpool.call(model.forward_features(batch.To(CPU))).flatten(1);
        Assert.Equal([40, 512], features.shape);
        Assert.Equal(40, steps.Sum());
        Assert.InRange((features - expected).abs().max().item<float>(), 0, 1e-5 * expected.abs().max().item<float>());

        static byte[] CreatePixels(int seed)
        {
            var pixels = new byte[28 * 28];
            new Random(seed).NextBytes(pixels);
            return pixels;
        }
    }

    [Fact]
    public void Grayscale_images_get_three_channels_for_weights_trained_on_color_images()
    {
        var network = new ModelConfig(Stem.Conv7, 28, 1, Grayscale: true, Normalization.ImageNet, ["a", "b"]);
        using var batch = Batch.Decode([new MemoryImage(Enumerable.Repeat((byte)51, 28 * 28).ToArray(), 28, 0, "")], network);
        Assert.Equal([1, 3, 28, 28], batch.Images.shape);
        for (var channel = 0; channel < 3; channel++)
            Assert.Equal((0.2 - network.Normalization.Mean[channel]) / network.Normalization.StandardDeviation[channel], batch.Images[0, channel].max().item<float>(), 1e-6);
    }

    private void Write(Tensor features) => new FeatureFile(_network, [First, Second], features).Write(new OutputFolder(_folder.Path));

    private FeatureFile? Read(long width) => FeatureFile.Read(_folder[FeatureFile.FileName], width, _network);
}
