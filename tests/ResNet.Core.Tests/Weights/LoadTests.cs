using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Loads files that real PyTorch wrote (make_weights.py).</summary>
public class LoadTests
{
    // In PyTorch's order, which numbers the patterns
    internal static readonly string[] BlockNames =
    [
        "conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked",
        "conv2.weight", "bn2.weight", "bn2.bias", "bn2.running_mean", "bn2.running_var", "bn2.num_batches_tracked",
        "shortcut.0.weight", "shortcut.1.weight", "shortcut.1.bias", "shortcut.1.running_mean", "shortcut.1.running_var", "shortcut.1.num_batches_tracked",
    ];

    private static BasicBlock CreateBlock(ScalarType? dtype = null) => new(3, 4, stride: 2, dtype: dtype);

    [Theory]
    [InlineData("protocol2.pth")]
    [InlineData("protocol3.pth")]
    [InlineData("protocol4.pth")]
    [InlineData("protocol5.pth")]
    [InlineData("parameters.pth")]
    [InlineData("data_parallel.pth")]
    [InlineData("data_parallel_compiled.pth")]
    [InlineData("downsample.pth")]
    [InlineData("wrapped_model.pth")]
    [InlineData("wrapped_state_dict.pth")]
    [InlineData("wrapped_model_state_dict.pth")]
    [InlineData("legacy_protocol2.pth")]
    [InlineData("legacy_protocol3.pth")]
    [InlineData("legacy_protocol4.pth")]
    [InlineData("legacy_protocol5.pth")]
    [InlineData("legacy_checkpoint.pth")]
    [InlineData("legacy_python2.pth")]
    [InlineData("block.safetensors")]
    public void Every_tensor_is_loaded(string file)
    {
        using var block = CreateBlock();
        var report = Checkpoint.Load(block, WeightsFixture.Find(file));

        Pattern.AssertIn(block, BlockNames);
        Assert.Equal(BlockNames, report.Loaded);
        Assert.Empty(report.Missing);
        Assert.Empty(report.Unexpected);
        Assert.Empty(report.Mismatched);
    }

    [Fact]
    public void The_content_decides_the_format_and_not_the_name()
    {
        using var folder = new TempFolder();
        using var block = CreateBlock();
        Checkpoint.Load(block, folder.Write("weights.safetensors", File.ReadAllBytes(WeightsFixture.Find("protocol2.pth"))));
        Pattern.AssertIn(block, BlockNames);

        using var other = CreateBlock();
        Checkpoint.Load(other, folder.Write("weights", File.ReadAllBytes(WeightsFixture.Find("block.safetensors"))));
        Pattern.AssertIn(other, BlockNames);
    }

    private static (string Name, Tensor Expected)[] CreateExpectedViews()
    {
        var whole = Pattern.Create(0, [24]);
        return
        [
            ("whole", whole),
            ("part", whole[2..8].view(2, 3)),
            ("transposed", whole.view(4, 6).t()),
            ("every_second", whole.view(12, 2)[.., 1]),
            ("expanded", whole[5..6].expand(3, 4)),
            ("permuted", whole.view(2, 3, 4).permute(2, 0, 1)),
            ("last", whole[23]),
        ];
    }

    internal static TensorBag CreateViews()
    {
        using var scope = NewDisposeScope();
        return new TensorBag([.. CreateExpectedViews().Select(view => (view.Name, zeros(view.Expected.shape)))]);
    }

    [Theory]
    [InlineData("views.pth")]
    [InlineData("legacy_views.pth")]
    public void Views_of_one_storage_load_with_any_strides(string file)
    {
        using var bag = CreateViews();
        Checkpoint.Load(bag, WeightsFixture.Find(file));

        using var scope = NewDisposeScope();
        var state = bag.state_dict();
        Assert.All(CreateExpectedViews(), view => Pattern.AssertEqual(view.Expected, state[view.Name], view.Name));
    }

    private static readonly (string Name, ScalarType Dtype)[] types =
    [
        ("float64", ScalarType.Float64), ("float32", ScalarType.Float32), ("float16", ScalarType.Float16), ("bfloat16", ScalarType.BFloat16),
        ("int64", ScalarType.Int64), ("int32", ScalarType.Int32), ("int16", ScalarType.Int16), ("int8", ScalarType.Int8), ("uint8", ScalarType.Byte), ("bool", ScalarType.Bool),
    ];

    internal static TensorBag CreateBagOfEveryType() =>
        new([.. types.Select(type => (type.Name, zeros([2, 3], type.Dtype))), ("empty", zeros(0, 3)), ("scalar", zeros([]))]);

    internal static readonly IEnumerable<string> TypeNames = types.Select(type => type.Name).Append("empty").Append("scalar");

    [Theory]
    [InlineData("types.pth")]
    [InlineData("legacy_types.pth")]
    [InlineData("types.safetensors")]
    public void Every_type_is_loaded(string file)
    {
        using var bag = CreateBagOfEveryType();
        Checkpoint.Load(bag, WeightsFixture.Find(file));
        Pattern.AssertIn(bag, TypeNames);
    }

    [Theory]
    [CpuData(ScalarType.Float64)]
    [CpuData(ScalarType.BFloat16)]
    [CudaData(ScalarType.Float32)]
    [CudaData(ScalarType.Float16)]
    public void The_module_keeps_its_dtype_and_device(string device, ScalarType dtype)
    {
        using var block = new BasicBlock(3, 4, stride: 2, new Device(device), dtype);
        Checkpoint.Load(block, WeightsFixture.Find("protocol2.pth"));
        Assert.All(block.state_dict().Values, tensor => Assert.Equal(device, tensor.device.ToString()));
        Assert.All(block.parameters(), parameter => Assert.Equal(dtype, parameter.dtype));
        block.to(CPU);
        Pattern.AssertIn(block, BlockNames);
    }

    [Fact]
    public void Parameters_keep_their_identity_and_requires_grad()
    {
        using var block = CreateBlock();
        var before = block.parameters().ToList();
        before[0].requires_grad = false;
        Checkpoint.Load(block, WeightsFixture.Find("protocol2.pth"));

        Assert.Equal(before, block.parameters());
        Assert.Equal(before.Select((_, index) => index > 0), before.Select(parameter => parameter.requires_grad));
        Assert.All(before, parameter => Assert.True(parameter.is_leaf));
    }

    [Fact]
    public void The_files_tensors_are_disposed_after_loading()
    {
        using var block = CreateBlock();
        Checkpoint.Load(block, WeightsFixture.Find("protocol2.pth"));
        var before = Tensor.TotalCount;
        Checkpoint.Load(block, WeightsFixture.Find("protocol2.pth"));
        Checkpoint.Load(block, WeightsFixture.Find("block.safetensors"));
        Assert.Equal(before, Tensor.TotalCount);
        Assert.Null(CurrentDisposeScope);
    }

    [Theory]
    [InlineData("no_counters.pth")]
    [InlineData("legacy_parameters_no_counters.pth")]
    public void Counters_are_optional_only_if_the_file_has_none(string file)
    {
        using var block = CreateBlock();
        using (var x = rand(2, 3, 4, 4))
        using (block.forward(x))
        {
        }
        var report = Checkpoint.Load(block, WeightsFixture.Find(file));
        Assert.Equal(15, report.Loaded.Count);
        Assert.Empty(report.Missing);
        Assert.True(report.IsComplete);
        Assert.Equal(1, block.bn1.num_batches_tracked!.item<long>());

        using var folder = new TempFolder();
        using var one = nn.Sequential(nn.BatchNorm2d(2));
        using var two = nn.Sequential(nn.BatchNorm2d(2), nn.BatchNorm2d(2));
        Checkpoint.Save(one, folder["one.pth"]);
        report = Checkpoint.Load(two, folder["one.pth"], strict: false);
        Assert.Equal(["1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"], report.Missing);
        Assert.False(report.IsComplete);
    }

    [Fact]
    public void A_strict_load_names_what_does_not_fit_and_changes_nothing()
    {
        using var block = new BasicBlock(3, 5);
        using var unchanged = new Unchanged(block);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(block, WeightsFixture.Find("no_counters.pth")));

        unchanged.Assert();
        Assert.StartsWith(WeightsFixture.Find("no_counters.pth"), problem.Message, StringComparison.Ordinal);
        Assert.Contains("does not fit BasicBlock", problem.Message, StringComparison.Ordinal);
        Assert.Contains("conv1.weight (expected (5, 3, 3, 3), got (4, 3, 3, 3))", problem.Message, StringComparison.Ordinal);
        Assert.Contains("conv2.weight (expected (5, 5, 3, 3), got (4, 4, 3, 3)) and 9 more", problem.Message, StringComparison.Ordinal);

        using var identity = new BasicBlock(4, 4);
        problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(identity, WeightsFixture.Find("protocol2.pth")));
        Assert.All(BlockNames[12..], name => Assert.Contains(name, problem.Message, StringComparison.Ordinal));

        using var bag = new TensorBag(("first", zeros(2)), ("second", zeros([])));
        problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, WeightsFixture.Find("types.safetensors")));
        Assert.Contains("expected tensor names like the module's 2, such as first, second; got 12, such as float64, int64, float32", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_strict_load_copies_nothing_if_only_some_tensors_fit()
    {
        using var some = new TensorBag(("part", ones(2, 3)), ("expanded", ones(3, 4)), ("last", ones(7)));
        using var unchanged = new Unchanged(some);
        Assert.Throws<InvalidDataException>(() => Checkpoint.Load(some, WeightsFixture.Find("views.pth")));
        unchanged.Assert();
    }

    [Fact]
    public void A_non_strict_load_copies_what_fits_and_reports_the_rest()
    {
        using var model = new TensorBag(("part", ones(2, 3)), ("last", ones(7)), ("scalar", ones([])), ("expanded", ones(3, 4)));
        var report = Checkpoint.Load(model, WeightsFixture.Find("views.pth"), strict: false);

        Assert.Equal(["part", "expanded"], report.Loaded);
        Assert.Equal(["scalar"], report.Missing);
        Assert.Equal(["whole", "transposed", "every_second", "permuted"], report.Unexpected);
        var mismatch = Assert.Single(report.Mismatched);
        Assert.Equal("last", mismatch.Name);
        Assert.Equal([7], mismatch.Expected);
        Assert.Equal([], mismatch.Actual);
        Assert.Equal(
            "2 tensors fit; missing in the file: scalar; unexpected in the file: whole, transposed, every_second, permuted; of another shape: last (expected (7), got ())",
            report.ToString());

        using var scope = NewDisposeScope();
        var state = model.state_dict();
        Pattern.AssertEqual(ones(7), state["last"], "last");
        Pattern.AssertEqual(Pattern.Create(0, [24])[2..8].view(2, 3), state["part"], "part");
    }

    [Fact]
    public void A_1000_class_file_starts_a_10_class_model()
    {
        using var folder = new TempFolder();
        using var pretrained = new ResNet18(1000, Stem.Conv7MaxPool);
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        using var bias = model.fc.bias!.clone();
        Checkpoint.Save(pretrained, folder["imagenet.pth"]);

        var report = Checkpoint.Load(model, folder["imagenet.pth"], strict: false);
        Assert.Equal(120, report.Loaded.Count);
        Assert.Equal(["fc.weight", "fc.bias"], report.Mismatched.Select(mismatch => mismatch.Name));
        Assert.False(report.IsComplete);
        Pattern.AssertEqual(pretrained.layer4.parameters().First(), model.layer4.parameters().First(), "layer4");
        Pattern.AssertEqual(bias, model.fc.bias!, "fc.bias");
    }

    [Fact]
    public void A_submodule_named_module_keeps_its_prefix()
    {
        using var inner = nn.Linear(2, 3);
        using var outer = nn.Sequential(("module", nn.Linear(2, 3)));
        using var folder = new TempFolder();
        Checkpoint.Save(outer, folder["outer.pth"]);
        Assert.Equal(2, Checkpoint.Load(outer, folder["outer.pth"]).Loaded.Count);
        Assert.Equal(2, Checkpoint.Load(inner, folder["outer.pth"]).Loaded.Count);
        Pattern.AssertEqual(((Linear)outer[0]).weight!, inner.weight!, "weight");
    }

    [Fact]
    public void Downsample_is_not_renamed_if_the_module_has_that_name()
    {
        using var folder = new TempFolder();
        using var both = nn.Sequential(("downsample", nn.Linear(1, 1)), ("shortcut", nn.Linear(1, 1)));
        using var shortcut = nn.Sequential(("shortcut", nn.Linear(1, 1)));
        Checkpoint.Save(both, folder["both.pth"]);
        Assert.Equal(4, Checkpoint.Load(both, folder["both.pth"]).Loaded.Count);

        // Two names for one tensor: the exact name wins, and the other is unexpected.
        var report = Checkpoint.Load(shortcut, folder["both.pth"], strict: false);
        Assert.Equal(["downsample.weight", "downsample.bias"], report.Unexpected);
        Assert.False(report.IsComplete);
        Pattern.AssertEqual(((Linear)both[1]).weight!, ((Linear)shortcut[0]).weight!, "weight");
    }

    [Fact]
    public void A_second_name_for_one_tensor_is_unexpected()
    {
        using var folder = new TempFolder();
        using var saved = new TensorBag(("shortcut.downsample.bias", zeros(1)), ("downsample.shortcut.bias", zeros(1)));
        using var loaded = new TensorBag(("shortcut.shortcut.bias", zeros(1)));
        Checkpoint.Save(saved, folder["model.safetensors"]);
        Assert.Equal(["downsample.shortcut.bias"], Checkpoint.Load(loaded, folder["model.safetensors"], strict: false).Unexpected);
    }

    [Fact]
    public void Wrong_arguments_throw()
    {
        using var block = CreateBlock();
        using var folder = new TempFolder();
        Assert.Throws<ArgumentNullException>(() => Checkpoint.Load(null!, "x.pth"));
        Assert.Throws<ArgumentNullException>(() => Checkpoint.Load(block, null!));
        Assert.Throws<ArgumentException>(() => Checkpoint.Load(block, ""));
        Assert.Throws<FileNotFoundException>(() => Checkpoint.Load(block, folder["none.pth"]));
        Assert.Throws<DirectoryNotFoundException>(() => Checkpoint.Load(block, folder["none/none.pth"]));
        var disposed = CreateBlock();
        disposed.Dispose();
        Assert.Throws<ArgumentException>(() => Checkpoint.Load(disposed, WeightsFixture.Find("protocol2.pth")));
    }
}
