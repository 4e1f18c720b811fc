using System.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Files with torchvision's names, read here. TorchvisionTests runs torchvision itself.</summary>
public sealed class TorchvisionNamesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void A_file_with_torchvisions_names_loads_strictly(string extension)
    {
        var path = _folder[$"model.{extension}"];
        using var saved = new ResNet34(3);
        using var loaded = new ResNet34(3);
        using (var x = rand(2, 3, 32, 32))
        using (saved.forward(x)) // moves the running statistics away from their defaults
        {
        }
        Checkpoint.Save(saved, path, WeightNames.Torchvision);

        var file = Encoding.Latin1.GetString(File.ReadAllBytes(path));
        Assert.Contains("layer2.0.downsample.1.running_mean", file, StringComparison.Ordinal);
        Assert.DoesNotContain("shortcut", file, StringComparison.Ordinal);

        Assert.True(Checkpoint.Load(loaded, path).IsComplete);
        AssertEqual(saved, loaded);
    }

    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void The_file_records_its_stem(string extension)
    {
        using var saved = new ResNet18(3, Stem.Conv7MaxPool);
        using var other = new ResNet18(3, Stem.Conv7);
        Checkpoint.Save(saved, _folder[$"model.{extension}"], WeightNames.Torchvision);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(other, _folder[$"model.{extension}"]));
        Assert.EndsWith("for another stem: expected Conv7, got Conv7MaxPool; create the network with Stem.Conv7MaxPool", problem.Message, StringComparison.Ordinal); // not "since the names are torchvision's"
    }

    [Fact]
    public void The_modules_own_names_are_the_default()
    {
        using var model = new ResNet18(3, Stem.Conv7MaxPool);
        Checkpoint.Save(model, _folder["default.pth"]);
        Checkpoint.Save(model, _folder["own.pth"], WeightNames.ResNetCore);
        Assert.Equal(File.ReadAllBytes(_folder["default.pth"]), File.ReadAllBytes(_folder["own.pth"]));
        Assert.DoesNotContain("downsample", Encoding.Latin1.GetString(File.ReadAllBytes(_folder["own.pth"])), StringComparison.Ordinal);
    }

    /// <summary>They are renamed at any depth, and so are subclasses. Other modules keep their names.</summary>
    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void Only_blocks_of_this_library_are_renamed(string extension)
    {
        var path = _folder[$"model.{extension}"];
        using var saved = CreateOneOfEachKind();
        using var loaded = CreateOneOfEachKind();
        Checkpoint.Save(saved, path, WeightNames.Torchvision);

        string[] expected =
        [
            "shortcut.shortcut.weight", "shortcut.shortcut.bias",
            "shortcut.block.downsample.0.weight",
            "downsample.downsample.0.weight",
            "nested.net.layer3.0.downsample.0.weight",
            "own.downsample.0.weight",
            "own.extra.shortcut.weight", "own.extra.shortcut.bias",
        ];
        var file = Encoding.Latin1.GetString(File.ReadAllBytes(path));
        Assert.All(expected, name => Assert.Contains(name, file, StringComparison.Ordinal));
        Assert.DoesNotContain("block.shortcut", file, StringComparison.Ordinal);
        Assert.DoesNotContain("own.shortcut", file, StringComparison.Ordinal);

        Assert.True(Checkpoint.Load(loaded, path).IsComplete);
        AssertEqual(saved, loaded);
        Assert.Equal(saved.state_dict().Count, CountTensors(path));
    }

    private static Sequential CreateOneOfEachKind() => nn.Sequential(
        ("shortcut", nn.Sequential(("shortcut", nn.Linear(2, 2)), ("block", new Bottleneck(2, 1)))),
        ("downsample", new BasicBlock(2, 4)),
        ("nested", nn.Sequential(("net", new ResNet18(2, Stem.Conv7MaxPool)))),
        ("own", new OwnBlock("extra", nn.Sequential(("shortcut", nn.Linear(2, 2))))));

    private sealed class OwnBlock : BasicBlock
    {
        public OwnBlock(string name, nn.Module<Tensor, Tensor> part)
            : base(2, 4) => register_module(name, part);
    }

    /// <summary>The two names differ here, but are the same under torchvision's names.</summary>
    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void Two_tensors_with_one_name_are_refused_before_anything_is_written(string extension)
    {
        using var both = nn.Sequential(("0", new OwnBlock("downsample", nn.Sequential(nn.Conv2d(2, 4, 1, bias: false)))));
        var problem = Assert.Throws<ArgumentException>(() => Checkpoint.Save(both, _folder[$"model.{extension}"], WeightNames.Torchvision));
        Assert.Contains("got '0.shortcut.0.weight' and '0.downsample.0.weight', which are both '0.downsample.0.weight' under torchvision's names", problem.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));

        Checkpoint.Save(both, _folder[$"model.{extension}"]);
        Assert.True(Checkpoint.Load(both, _folder[$"model.{extension}"]).IsComplete);
    }

    /// <summary>torchvision would load the first strictly, but give different outputs.</summary>
    [Theory]
    [InlineData(Stem.Conv7)]
    [InlineData(Stem.Conv3)]
    public void A_network_with_another_stem_is_refused_before_anything_is_written(Stem stem)
    {
        using var model = new ResNet18(2, stem);
        using var inside = nn.Sequential(("backbone", model));
        foreach (var (module, name) in ((nn.Module, string)[])[(model, "one"), (inside, "backbone")])
        {
            var problem = Assert.Throws<ArgumentException>(() => Checkpoint.Save(module, _folder["model.pth"], WeightNames.Torchvision));
            Assert.StartsWith($"Expected a network with Stem.Conv7MaxPool under torchvision's names, got {name} with Stem.{stem}: ", problem.Message, StringComparison.Ordinal);
            Assert.EndsWith("Create the network with Stem.Conv7MaxPool before training, or save it under WeightNames.ResNetCore.", problem.Message, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
        }
    }

    [Fact]
    public void An_undefined_enum_value_is_refused()
    {
        using var block = new BasicBlock(2, 2);
        var problem = Assert.Throws<ArgumentOutOfRangeException>(() => Checkpoint.Save(block, _folder["model.pth"], (WeightNames)2));
        Assert.Contains("Expected one of ResNetCore, Torchvision.", problem.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    private static int CountTensors(string path)
    {
        using var none = new TensorBag(("downsample.bn1.weight", zeros(4)));
        var report = Checkpoint.Load(none, path, strict: false);
        return report.Loaded.Count + report.Unexpected.Count;
    }

    private static void AssertEqual(nn.Module expected, nn.Module actual)
    {
        var state = expected.state_dict();
        Assert.All(actual.state_dict(), entry => Pattern.AssertEqual(state[entry.Key], entry.Value, entry.Key));
    }
}
