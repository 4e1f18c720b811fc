using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Wrappers put a prefix before a module's names.</summary>
public sealed class PrefixTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("averaged_model.pth")] // n_averaged is beside module.*
    [InlineData("averaged_model_in_lightning.pth")]
    [InlineData("lightning.pth")]
    public void Files_of_wrapped_modules_load_completely(string file)
    {
        using var block = new BasicBlock(3, 4, stride: 2);
        var report = Checkpoint.Load(block, WeightsFixture.Find(file));
        Assert.Equal(LoadTests.BlockNames, report.Loaded);
        Assert.Empty(report.Unexpected);
        Pattern.AssertIn(block, LoadTests.BlockNames);
    }

    [Theory]
    [InlineData("model.")]
    [InlineData("net.")]
    [InlineData("backbone.")]
    [InlineData("_orig_mod.")]
    [InlineData("module._orig_mod.")]
    [InlineData("model.backbone.")]
    [InlineData("a.b.c.d.e.f.")]
    [InlineData("größe 1.")]
    public void Any_single_prefix_is_removed(string prefix)
    {
        foreach (var file in (string[])["model.pth", "model.safetensors"])
        {
            using var saved = new TensorBag(($"{prefix}layer.shortcut.weight", ones(2)), ($"{prefix}layer.weight", ones(3)), ($"{prefix}weight", ones(4)));
            using var loaded = new TensorBag(("layer.shortcut.weight", zeros(2)), ("layer.weight", zeros(3)), ("weight", zeros(4)));
            Checkpoint.Save(saved, _folder[file]);
            Assert.Equal(3, Checkpoint.Load(loaded, _folder[file]).Loaded.Count);
            Assert.All(loaded.state_dict().Values, tensor => Assert.Equal(1, tensor.mean().item<float>()));
        }
    }

    [Fact]
    public void Names_without_the_prefix_are_unexpected()
    {
        using var block = new BasicBlock(3, 4, stride: 2);
        using (var unchanged = new Unchanged(block))
        {
            var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(block, WeightsFixture.Find("lightning_criterion.pth")));
            Assert.Contains("does not fit BasicBlock: under ['state_dict'], with prefix 'model.': 18 tensors fit; unexpected in the file: criterion.weight", problem.Message, StringComparison.Ordinal);
            unchanged.Assert();
        }
        var report = Checkpoint.Load(block, WeightsFixture.Find("lightning_criterion.pth"), strict: false);
        Assert.Equal(["criterion.weight"], report.Unexpected);
        Pattern.AssertIn(block, LoadTests.BlockNames);
    }

    [Theory]
    [InlineData("teacher_student.pth", true)]
    [InlineData("teacher_student.pth", false)]
    [InlineData("teacher_student.safetensors", true)]
    [InlineData("teacher_student.safetensors", false)]
    public void Two_prefixes_that_fit_are_refused_and_named(string file, bool strict)
    {
        using var block = new BasicBlock(3, 4, stride: 2);
        using var unchanged = new Unchanged(block);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(block, WeightsFixture.Find(file), strict));
        Assert.Contains("with prefix 'teacher.'", problem.Message, StringComparison.Ordinal);
        Assert.Contains("with prefix 'student.'", problem.Message, StringComparison.Ordinal);
        Assert.Contains("name[8:]: tensor for name, tensor in ", problem.Message, StringComparison.Ordinal);
        Assert.Contains(".items() if name.startswith('teacher.')}", problem.Message, StringComparison.Ordinal);
        unchanged.Assert();
    }

    /// <summary>A larger teacher has all of the student's tensors and more.</summary>
    [Fact]
    public void A_prefix_with_extra_tensors_still_counts_when_not_strict()
    {
        using var saved = new TensorBag(("teacher.weight", zeros(2)), ("teacher.bias", zeros(1)), ("student.weight", ones(2)));
        using var loaded = new TensorBag(("weight", zeros(2)));
        Checkpoint.Save(saved, _folder["model.pth"]);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(loaded, _folder["model.pth"], strict: false));
        Assert.Contains("with prefix 'teacher.'; with prefix 'student.'", problem.Message, StringComparison.Ordinal);
        problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(loaded, _folder["model.pth"]));
        Assert.Contains("unexpected in the file: teacher.weight, teacher.bias", problem.Message, StringComparison.Ordinal);
    }

    /// <summary>As many prefixes as a file can hold, each with all tensors of a small module.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(11)]
    [InlineData(20_000)]
    public void Many_prefixes_that_fit_are_refused(int count)
    {
        using var loaded = new TensorBag(("w", zeros(4)));
        using var unchanged = new Unchanged(loaded);
        byte[] weight = [.. Pickled.Tensor(Pickled.Storage(), 0, Pickled.Ints(4), Pickled.Ints(1)), .. "q\u0001"u8], other = [.. Pickled.Tensor(Pickled.Storage(), 0, Pickled.Ints(2, 2), Pickled.Ints(2, 1)), .. "q\u0002"u8];
        byte[] more = [.. Enumerable.Range(0, count).SelectMany(i => (byte[])[.. Pickled.Text($"p{i}.w"), .. "h\u0001s"u8, .. Pickled.Text($"p{i}.other"), .. "h\u0002s"u8])];
        byte[] distinct = [.. Enumerable.Range(0, 2).SelectMany(i => (byte[])[.. Pickled.Text($"x{i}.w"), .. Pickled.Tensor(Pickled.Storage(), 0, Pickled.Ints(4), Pickled.Ints(i)), (byte)'s'])];
        var path = _folder.Write("model.pth", Pickled.CreateArchive([.. Pickled.Proto, (byte)'}', .. Pickled.Text("first.w"), .. weight, (byte)'s', .. Pickled.Text("first.other"), .. other, (byte)'s', .. more, .. distinct, (byte)'.']));
        Assert.Contains("more than one state_dict that fits", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(loaded, path, strict: false)).Message, StringComparison.Ordinal);
        unchanged.Assert();
    }

    [Fact]
    public void The_modules_own_names_win_over_a_prefix()
    {
        using var saved = new TensorBag(("weight", ones(2)), ("bias", ones(1)), ("ema.weight", zeros(2)), ("ema.bias", zeros(1)));
        using var loaded = new TensorBag(("weight", zeros(2)), ("bias", zeros(1)));
        Checkpoint.Save(saved, _folder["model.pth"]);

        Assert.Equal(["ema.weight", "ema.bias"], Checkpoint.Load(loaded, _folder["model.pth"], strict: false).Unexpected);
        Assert.All(loaded.state_dict().Values, tensor => Assert.Equal(1, tensor.mean().item<float>()));
        Assert.Throws<InvalidDataException>(() => Checkpoint.Load(loaded, _folder["model.pth"]));
    }

    /// <summary>A detector whose box head has a layer of the same name has no weights for the 122 tensors of the network.</summary>
    [Fact]
    public void A_few_matching_endings_are_not_a_prefix()
    {
        using var model = new ResNet18(10);
        using var head = nn.Sequential(("box", nn.Sequential(("fc", nn.Linear(512, 10)))));
        Checkpoint.Save(head, _folder["head.pth"]);
        using var unchanged = new Unchanged(model);
        Assert.Throws<InvalidDataException>(() => Checkpoint.Load(model, _folder["head.pth"], strict: false));
        unchanged.Assert();
    }

    [Fact]
    public void A_part_of_a_network_loads_behind_a_wrappers_prefix()
    {
        using var model = new ResNet18(10);
        using var head = nn.Sequential(("module", nn.Sequential(("_orig_mod", nn.Sequential(("fc", nn.Linear(512, 10)))))));
        Checkpoint.Save(head, _folder["head.pth"]);
        Assert.Equal(["fc.weight", "fc.bias"], Checkpoint.Load(model, _folder["head.pth"], strict: false).Loaded);
    }

    [Fact]
    public void A_wrapped_1000_class_file_starts_a_10_class_model()
    {
        using var pretrained = nn.Sequential(("backbone", new ResNet18(1000)));
        using var model = new ResNet18(10);
        Checkpoint.Save(pretrained, _folder["model.pth"]);
        var report = Checkpoint.Load(model, _folder["model.pth"], strict: false);
        Assert.Equal((120, 2), (report.Loaded.Count, report.Mismatched.Count));
        Pattern.AssertEqual(((ResNet18)pretrained[0]).conv1.weight, model.conv1.weight, "conv1");
    }

    /// <summary>Only AveragedModel's own counter is skipped. Elsewhere a tensor of that name is a tensor like any other.</summary>
    [Fact]
    public void A_tensor_that_only_shares_the_counters_name_is_unexpected()
    {
        using var loaded = new TensorBag(("weight", zeros(2)));
        foreach (var (counter, prefix) in (IEnumerable<(string, string)>)[("n_averaged", ""), ("n_averaged", "model."), ("model.n_averaged", "module."), ("an_averaged", "module.")])
        {
            using var saved = new TensorBag(($"{prefix}weight", ones(2)), (counter, zeros([], ScalarType.Int64)));
            Checkpoint.Save(saved, _folder["model.pth"]);
            Assert.Equal([counter], Checkpoint.Load(loaded, _folder["model.pth"], strict: false).Unexpected);
        }
    }

    [Fact]
    public void Hundreds_of_names_are_shortened_to_a_few_and_a_count()
    {
        using var all = new ResNet18(10);
        using var block = new BasicBlock(64, 64);
        using var linear = nn.Linear(3, 4);
        Checkpoint.Save(all, _folder["model.pth"]);

        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(linear, _folder["model.pth"])).Message;
        Assert.InRange(problem.Length, 1, _folder["model.pth"].Length + 1000);

        Checkpoint.Save(block, _folder["block.pth"]);
        problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(all, _folder["block.pth"])).Message;
        Assert.Contains("missing in the file: ", problem, StringComparison.Ordinal);
        Assert.Contains(" more", problem, StringComparison.Ordinal);
        Assert.InRange(problem.Length, 1, _folder["block.pth"].Length + 1000);
    }
}
