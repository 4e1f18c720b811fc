using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Whole networks in the formats of torchvision's published files, written by real PyTorch.</summary>
public sealed class PublishedFormatsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The format from before PyTorch 1.6 gives the same weights as today's, which other tests compare with torchvision.</summary>
    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public async Task The_2019_format_gives_the_same_weights_as_todays_bit_for_bit()
    {
        using var torchvision = PyTorchFactAttribute.Start("legacy", _folder.Path);
        foreach (var line in (string[])["resnet18", "training resnet18", "resnext50_32x4d", "wide_resnet50_2"])
        {
            var tensors = await torchvision.AskAsync(line);
            using var legacy = Family.Create(line.Split(' ')[^1], 1000, Stem.Conv7MaxPool);
            using var current = Family.Create(line.Split(' ')[^1], 1000, Stem.Conv7MaxPool);
            var report = Checkpoint.Load(legacy, _folder["legacy.pth"]);
            Checkpoint.Load(current, _folder["zip.pth"]);
            Assert.Equal(tensors, $"{report.Loaded.Count} tensors");
            Assert.True(report.IsComplete);
            AssertSame(current, legacy);
            Assert.Equal(17 + (line.StartsWith("training", StringComparison.Ordinal) ? 1 : 0), legacy.state_dict()["bn1.num_batches_tracked"].item<long>());
        }
    }

    /// <summary>The file has exactly the length of resnet18-f37072fd.pth.</summary>
    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public void Parameters_and_buffers_without_counters_load_strictly()
    {
        Assert.Equal("62 of 102 are parameters", PyTorchFactAttribute.Run("parameters", _folder.Path).Trim());
        Assert.Equal(46_830_571, new FileInfo(_folder["archive.pth"]).Length);
        using var model = new ResNet18(stem: Stem.Conv7MaxPool);
        using var expected = new ResNet18(stem: Stem.Conv7MaxPool);
        var report = Checkpoint.Load(model, _folder["archive.pth"]);
        Assert.Equal(102, report.Loaded.Count);
        Assert.True(report.IsComplete);
        Checkpoint.Load(expected, _folder["state.pth"]);
        foreach (var (name, counter) in expected.state_dict())
            if (name.EndsWith("num_batches_tracked", StringComparison.Ordinal))
                counter.zero_();
        AssertSame(expected, model);
    }

    private static void AssertSame(nn.Module expected, nn.Module actual)
    {
        var state = actual.state_dict();
        Assert.All(expected.state_dict(), entry => Assert.True(entry.Value.bytes.SequenceEqual(state[entry.Key].bytes), entry.Key));
    }
}
