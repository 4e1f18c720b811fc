using System.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Files under torchvision's names, without torchvision: TorchvisionTests has it.</summary>
public sealed class TorchvisionNamesTests : IDisposable
{
    private readonly WeightsFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private IReadOnlyList<string> SavedNames(nn.Module module, string file = "model.pth")
    {
        Checkpoint.Save(module, _folder[file], WeightNames.Torchvision);
        using var bag = new TensorBag(("none of it", zeros(1)), ("bn1.weight", zeros(64))); // which fits every network, so that there is a report
        return Checkpoint.Load(bag, _folder[file], strict: false).Unexpected;
    }

    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void A_blocks_shortcut_is_downsample_and_comes_back_strictly(string extension)
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
        Assert.Contains("resnet_core.stem", file, StringComparison.Ordinal);

        Assert.True(Checkpoint.Load(loaded, path).IsComplete);
        var expected = saved.state_dict();
        Assert.All(loaded.state_dict(), entry => Pattern.AssertEqual(expected[entry.Key], entry.Value, entry.Key));
    }

    /// <summary>Also where nothing but the file's own word tells it from torchvision's.</summary>
    [Fact]
    public void The_file_says_its_stem()
    {
        using var saved = new ResNet18(3, Stem.Conv7MaxPool);
        using var other = new ResNet18(3);
        Checkpoint.Save(saved, _folder["model.pth"], WeightNames.Torchvision);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(other, _folder["model.pth"]));
        Assert.EndsWith("for another stem: expected Conv7, got Conv7MaxPool", problem.Message, StringComparison.Ordinal);
    }

    /// <summary>Without the option nothing is renamed, and the same weights give the same bytes as before there was one.</summary>
    [Fact]
    public void The_modules_own_names_are_the_default()
    {
        using var model = new ResNet18(3, Stem.Conv7MaxPool);
        Checkpoint.Save(model, _folder["default.pth"]);
        Checkpoint.Save(model, _folder["own.pth"], WeightNames.ResNetCore);
        Assert.Equal(File.ReadAllBytes(_folder["default.pth"]), File.ReadAllBytes(_folder["own.pth"]));
        Assert.DoesNotContain("downsample", Encoding.Latin1.GetString(File.ReadAllBytes(_folder["own.pth"])), StringComparison.Ordinal);
    }

    private sealed class OwnBlock : BasicBlock
    {
        private readonly nn.Module<Tensor, Tensor> extra;

        /// <param name="extraName">Of a part of its own.</param>
        /// <param name="extra">The part.</param>
        public OwnBlock(string extraName, nn.Module<Tensor, Tensor> extra)
            : base(2, 4)
        {
            this.extra = extra;
            register_module(extraName, extra);
        }
    }

    /// <summary>Blocks wherever they are, subclasses of them too, and nothing else that has one of the two names.</summary>
    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void Only_the_blocks_of_this_library_are_renamed(string extension)
    {
        nn.Module Make() => nn.Sequential(
            ("shortcut", nn.Sequential(("shortcut", nn.Linear(1, 2)), ("block", new Bottleneck(2, 1)))),
            ("downsample", new BasicBlock(2, 4)),
            ("net", nn.Sequential(("backbone", new ResNet18(1, Stem.Conv7MaxPool)))),
            ("own", new OwnBlock("inner", nn.Sequential(("shortcut", nn.Linear(1, 3))))));

        using var saved = Make();
        using var loaded = Make();
        Checkpoint.Save(saved, _folder[$"model.{extension}"], WeightNames.Torchvision);
        Assert.True(Checkpoint.Load(loaded, _folder[$"model.{extension}"]).IsComplete);
        var expected = saved.state_dict();
        Assert.All(loaded.state_dict(), entry => Pattern.AssertEqual(expected[entry.Key], entry.Value, entry.Key));

        Checkpoint.Save(saved, _folder["own." + extension]);
        using var names = new TensorBag([.. expected.Select(entry => (Torchvisions(entry.Key), entry.Value.detach().clone()))]);
        Assert.True(Checkpoint.Load(names, _folder[$"model.{extension}"]).IsComplete);

        static string Torchvisions(string name) => name
            .Replace("shortcut.block.shortcut.", "shortcut.block.downsample.", StringComparison.Ordinal)
            .Replace("downsample.shortcut.", "downsample.downsample.", StringComparison.Ordinal)
            .Replace(".0.shortcut.", ".0.downsample.", StringComparison.Ordinal)
            .Replace("own.shortcut.", "own.downsample.", StringComparison.Ordinal);
    }
}
