using System.Text;
using static ResNet.Core.Tests.Weights.Pickled;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Two stems can have the same tensors but give different outputs, so a file fits only one of them.</summary>
public sealed class StemTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("pth", Stem.Conv7, Stem.Conv7MaxPool)]
    [InlineData("pth", Stem.Conv7MaxPool, Stem.Conv7)]
    [InlineData("pth", Stem.Conv3, Stem.Conv7)]
    [InlineData("safetensors", Stem.Conv7, Stem.Conv7MaxPool)]
    [InlineData("safetensors", Stem.Conv7MaxPool, Stem.Conv7)]
    [InlineData("safetensors", Stem.Conv3, Stem.Conv7)]
    public void A_saved_file_fits_only_its_own_stem(string extension, Stem stem, Stem other)
    {
        using var saved = new ResNet18(10, stem);
        using var same = new ResNet18(10, stem);
        using var wrong = new ResNet18(10, other);
        var path = _folder[$"model.{extension}"];
        Checkpoint.Save(saved, path);
        var report = Checkpoint.Load(same, path);
        Assert.Equal((true, null), (report.IsComplete, report.StemMismatch));

        using (var unchanged = new Unchanged(wrong))
        {
            var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(wrong, path));
            Assert.EndsWith($"for another stem: expected {other}, got {stem}; create the network with Stem.{stem}", problem.Message, StringComparison.Ordinal);
            unchanged.Assert();
        }

        report = Checkpoint.Load(wrong, path, strict: false);
        Assert.False(report.IsComplete);
        Assert.Equal($"expected {other}, got {stem}", report.StemMismatch);
        Assert.EndsWith($"for another stem: expected {other}, got {stem}; create the network with Stem.{stem}", report.ToString(), StringComparison.Ordinal);
        Pattern.AssertEqual(saved.fc.weight!, wrong.fc.weight!, "fc.weight");
    }

    /// <summary>The only sign of a torchvision file is the name `downsample` for the shortcut.</summary>
    [Theory]
    [InlineData("", ScalarType.Float32)]
    [InlineData("module.", ScalarType.Float16)]
    public void Torchvisions_names_imply_torchvisions_stem(string prefix, ScalarType dtype)
    {
        using var model = new ResNet18(10, Stem.Conv7, dtype: dtype);
        using var torchvision = RenameForTorchvision(model, prefix);
        foreach (var file in (string[])["model.pth", "model.safetensors"])
        {
            Checkpoint.Save(torchvision, _folder[file]);
            using var right = new ResNet18(10, Stem.Conv7MaxPool);
            var report = Checkpoint.Load(right, _folder[file]);
            Assert.Equal((122, null), (report.Loaded.Count, report.StemMismatch));

            using var wrong = new ResNet18(10);
            using (var unchanged = new Unchanged(wrong))
            {
                var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(wrong, _folder[file]));
                Assert.Contains("for another stem: expected Conv7, got Conv7MaxPool, since the names are torchvision's (downsample); create the network with Stem.Conv7MaxPool", problem.Message, StringComparison.Ordinal);
                unchanged.Assert();
            }
            report = Checkpoint.Load(wrong, _folder[file], strict: false);
            Assert.Equal(122, report.Loaded.Count);
            Assert.Contains("Conv7MaxPool", report.StemMismatch, StringComparison.Ordinal);

            // Also inside another module
            using var outer = nn.Sequential(("net", new ResNet18(10)));
            using var outerFile = RenameForTorchvision(model, "net.");
            Checkpoint.Save(outerFile, _folder[file]);
            Assert.Contains("for another stem: net: expected Conv7, got Conv7MaxPool", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(outer, _folder[file])).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>People train torchvision's network on CIFAR with another first convolution, which is not torchvision's stem.</summary>
    [Theory]
    [InlineData("model.pth")]
    [InlineData("model.safetensors")]
    public void Torchvisions_names_with_a_3x3_first_convolution_imply_Conv3(string file)
    {
        using var model = new ResNet18(10, Stem.Conv3);
        using var torchvision = RenameForTorchvision(model, "");
        Checkpoint.Save(torchvision, _folder[file]);
        using var right = new ResNet18(10, Stem.Conv3);
        using var wrong = new ResNet18(10, Stem.Conv7);

        Assert.Equal(122, Checkpoint.Load(right, _folder[file]).Loaded.Count);
        Pattern.AssertEqual(model.conv1.weight!, right.conv1.weight!, "conv1.weight");
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(wrong, _folder[file]));
        Assert.Contains("conv1.weight (expected (64, 3, 7, 7), got (64, 3, 3, 3))", problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("stem", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_block_has_no_stem()
    {
        using var block = new BasicBlock(3, 4, stride: 2);
        Assert.Null(Checkpoint.Load(block, WeightsFixture.Find("downsample.pth")).StemMismatch);
        Checkpoint.Save(block, _folder["block.pth"]);
        Assert.DoesNotContain("_metadata", Encoding.Latin1.GetString(File.ReadAllBytes(_folder["block.pth"])), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void Nested_networks_and_subclasses_record_their_stem(string extension)
    {
        using var saved = nn.Sequential(("a", new ResNet18(3, Stem.Conv7MaxPool)), ("b", new Larger()));
        using var same = nn.Sequential(("a", new ResNet18(3, Stem.Conv7MaxPool)), ("b", new Larger()));
        using var other = nn.Sequential(("a", new ResNet18(3, Stem.Conv7MaxPool)), ("b", new ResNet18(5)));
        using var alone = new ResNet18(5);
        var path = _folder[$"model.{extension}"];
        Checkpoint.Save(saved, path);
        Assert.Equal(244, Checkpoint.Load(same, path).Loaded.Count);
        Assert.Contains("for another stem: b: expected Conv7, got Conv7MaxPool", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(other, path)).Message, StringComparison.Ordinal);
        Assert.Equal("expected Conv7, got Conv7MaxPool", Checkpoint.Load(alone, path, strict: false).StemMismatch); // the shapes select `b`
    }

    private sealed class Larger() : ResNet18(5, Stem.Conv7MaxPool);

    [Fact]
    public void The_number_of_classes_is_reported_if_the_classifier_does_not_fit()
    {
        using var saved = new ResNet18(10);
        using var loaded = new ResNet18(7);
        foreach (var file in (string[])["model.pth", "model.safetensors"])
        {
            Checkpoint.Save(saved, _folder[file]);
            var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(loaded, _folder[file])).Message;
            Assert.EndsWith("fc.weight (expected (7, 512), got (10, 512)), fc.bias (expected (7), got (10)); the file's network has 10 classes, expected 7; strict: false loads the rest", problem, StringComparison.Ordinal);
        }
    }

    /// <summary>Weights of another number of classes are the start of a fine-tuning, which a strict load refuses.</summary>
    [Theory]
    [InlineData("fc.weight fc.bias", "", true)]
    [InlineData("fc.weight fc.bias", "fc.1.weight fc.1.bias", true)]
    [InlineData("", "fc.1.weight", true)]
    [InlineData("fc.bias", "aux.fc.weight", false)]
    [InlineData("fc.bias layer4.1.bn2.bias", "", false)]
    public void Only_if_the_classifier_alone_differs_the_message_suggests_strict_false(string removed, string added, bool isSuggested)
    {
        using var saved = new ResNet18(3);
        using var loaded = new ResNet18(3);
        using var inside = nn.Sequential(("net", loaded));
        foreach (var (prefix, target) in new (string, nn.Module)[] { ("", loaded), ("module.", loaded), ("net.", inside), ("module.net.", inside) })
        {
            string[] names = [.. removed.Split(' '), .. added.Split(' ')];
            using var file = new TensorBag(
            [
                .. saved.state_dict().Where(entry => !names.Contains(entry.Key)).Select(entry => ($"{prefix}{entry.Key}", entry.Value.detach().clone())),
                .. added.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => ($"{prefix}{name}", ones(2))),
            ]);
            Checkpoint.Save(file, _folder["model.pth"]);
            var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(target, _folder["model.pth"])).Message;
            Assert.Equal(isSuggested, problem.EndsWith("; strict: false loads the rest", StringComparison.Ordinal));
            Assert.Equal(isSuggested, problem.Contains("strict", StringComparison.Ordinal));
        }
    }

    /// <summary>Weights for another stem load too, but answer wrongly.</summary>
    [Fact]
    public void With_another_stem_and_other_classes_the_message_does_not_suggest_strict_false()
    {
        using var saved = new ResNet18(3, Stem.Conv7MaxPool);
        using var loaded = new ResNet18(4);
        Checkpoint.Save(saved, _folder["model.pth"]);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(loaded, _folder["model.pth"])).Message;
        Assert.EndsWith("create the network with Stem.Conv7MaxPool; the file's network has 3 classes, expected 4", problem, StringComparison.Ordinal);
    }

    /// <summary>Somebody replaced the classifier and kept the metadata.</summary>
    [Fact]
    public void An_outdated_number_of_classes_is_ignored()
    {
        using var saved = new ResNet18(10);
        using var larger = new ResNet18(16);
        Checkpoint.Save(saved, _folder["model.safetensors"]);
        Checkpoint.Save(larger, _folder["larger.safetensors"]);
        var file = Replace(File.ReadAllBytes(_folder["larger.safetensors"]), "\"resnet_core.num_classes\":\"16\"", "\"resnet_core.num_classes\":\"10\"");
        _folder.Write("larger.safetensors", file);

        using var fits = new ResNet18(16);
        Assert.Equal(122, Checkpoint.Load(fits, _folder["larger.safetensors"]).Loaded.Count);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(saved, _folder["larger.safetensors"])).Message;
        Assert.DoesNotContain("classes", problem, StringComparison.Ordinal);
        Assert.Contains("fc.bias (expected (10), got (16))", problem, StringComparison.Ordinal);
    }

    /// <summary>A later version may record a stem that this one does not know.</summary>
    [Fact]
    public void A_recorded_stem_overrides_the_names_and_an_unknown_stem_is_refused()
    {
        using var network = new ResNet18(10);
        using var torchvision = RenameForTorchvision(network, "");
        Checkpoint.Save(torchvision, _folder["named.safetensors"]);
        const string Format = "\"format\":\"pt\"";
        var file = File.ReadAllBytes(_folder["named.safetensors"]);

        using var loaded = new ResNet18(10);
        _folder.Write("model.safetensors", ReplaceMetadata(file, $"{Format},\"resnet_core.stem\":\"Conv7\""));
        Assert.Null(Checkpoint.Load(loaded, _folder["model.safetensors"]).StemMismatch);

        foreach (var stem in (string[])["Conv9", "", "conv7", "Conv7 ", "0"])
        {
            _folder.Write("model.safetensors", ReplaceMetadata(file, $"{Format},\"resnet_core.stem\":\"{stem}\""));
            Assert.EndsWith($"expected Conv7, got {stem}", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(loaded, _folder["model.safetensors"])).Message, StringComparison.Ordinal); // no such stem to create
        }
        _folder.Write("model.safetensors", ReplaceMetadata(file, $"{Format},\"stem\":\"Conv9\",\"other.resnet_core.stem\":\"Conv9\"")); // another program's keys
        Assert.Contains("since the names are torchvision's", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(loaded, _folder["model.safetensors"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Malformed_metadata_in_a_pickle_is_ignored()
    {
        using var bag = nn.Sequential(("0", new ResNet18(1)));
        byte[] tensors = [.. OrderedDict, .. Text("0.bn1.weight"), .. Tensor(Storage(count: 64), 0, Ints(64), Ints(1)), (byte)'s'];
        byte[][] attributes =
        [
            [(byte)'}'], Entry("_metadata", [(byte)'N']), Entry("_metadata", [(byte)']']), Entry("_metadata", Entry("0", [(byte)'N'])), Entry("_metadata", Entry("", Entry("resnet_core.stem", Text("Conv3")))),
            Entry("_metadata", Entry("0", Entry("resnet_core.stem", Int(1)))), Entry("_metadata", [(byte)'}', .. Int(0), .. Text("x"), (byte)'s']), Entry("_metadata", Entry("0", Entry("version", Int(1)))),
        ];
        foreach (var attribute in attributes)
        {
            var report = Checkpoint.Load(bag, Write(attribute), strict: false);
            Assert.Equal((1, null), (report.Loaded.Count, report.StemMismatch));
        }
        Assert.Equal("0: expected Conv7, got Conv3", Checkpoint.Load(bag, Write(Entry("_metadata", Entry("0", Entry("resnet_core.stem", Text("Conv3"))))), strict: false).StemMismatch);

        string Write(byte[] attribute) => _folder.Write("model.pth", Zip.Create(("archive/data.pkl", [.. Proto, .. tensors, .. attribute, (byte)'b', (byte)'.']), ("archive/data/0", new byte[256]), ("archive/version", "3\n"u8.ToArray())));

        static byte[] Entry(string key, byte[] value) => [(byte)'}', .. Text(key), .. value, (byte)'s'];
    }

    /// <summary>The metadata survives loading and saving in PyTorch.</summary>
    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public void PyTorch_keeps_the_files_metadata()
    {
        using var saved = new ResNet18(7, Stem.Conv7MaxPool);
        using var wrong = new ResNet18(7);
        Checkpoint.Save(saved, _folder["model.pth"]);
        PyTorchFactAttribute.Run("resave", _folder["model.pth"], _folder["again.pth"], "7");
        Assert.Contains("for another stem: expected Conv7, got Conv7MaxPool", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(wrong, _folder["again.pth"])).Message, StringComparison.Ordinal);

        using var same = new ResNet18(7, Stem.Conv7MaxPool);
        Assert.Equal(122, Checkpoint.Load(same, _folder["again.pth"]).Loaded.Count);
    }

    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public void Real_torchvision_weights_are_refused_for_the_specifications_stem()
    {
        PyTorchFactAttribute.Run("torchvision", _folder.Path);
        using var model = new ResNet18();
        using var unchanged = new Unchanged(model);
        Assert.Contains("expected Conv7, got Conv7MaxPool", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(model, _folder["resnet18.pth"])).Message, StringComparison.Ordinal);
        unchanged.Assert();
    }

    /// <summary>Copies the tensors into a module that is not a network, under torchvision's names.</summary>
    private static TensorBag RenameForTorchvision(ResNet18 model, string prefix) =>
        new([.. model.state_dict().Select(entry => ($"{prefix}{entry.Key.Replace(".shortcut.", ".downsample.", StringComparison.Ordinal)}", entry.Value.detach().clone()))]);

    private static byte[] ReplaceMetadata(byte[] file, string metadata)
    {
        var length = BitConverter.ToInt32(file);
        var header = Encoding.UTF8.GetString(file, 8, length).Replace("\"format\":\"pt\"", metadata, StringComparison.Ordinal);
        return [.. Int64(Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. file[(8 + length)..]];
    }

    private static byte[] Replace(byte[] file, string text, string other)
    {
        var at = file.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text));
        Assert.True(at >= 0 && text.Length == other.Length);
        Encoding.UTF8.GetBytes(other).CopyTo(file, at);
        return file;
    }
}
