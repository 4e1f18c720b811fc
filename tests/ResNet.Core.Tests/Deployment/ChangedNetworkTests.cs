using System.Collections;
using System.Reflection;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>
/// A network that a user has changed. Where folding would compute something else than the network in eval mode, Fuse and the exporters
/// refuse it and say what they do not support, and where.
/// </summary>
public sealed class ChangedNetworkTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly Dictionary<string, (Action<ResNet18> Change, string[] MessageParts)> changes = new()
    {
        ["a subclass of a block"] = (model => Replace(model.layer1, 0, new Tripled()), ["BasicBlock", nameof(Tripled), "layer1.0"]),
        ["a module that is no block"] = (model => Replace(model.layer2, 1, nn.Identity()), ["BasicBlock", "Identity", "layer2.1"]),
        ["a subclass of Sequential"] = (model => Replace(model, "layer3", new Doubled(model.layer3)), ["Sequential", nameof(Doubled), "layer3"]),
        ["a block of another width"] = (model => model.layer4.append(new Bottleneck(2048, 512)), ["layer4.2.conv1", "512 channels", "2048"]),

        ["a shortcut with an activation"] = (model => GetBlock(model.layer1, 1).shortcut.append(nn.ReLU()), ["layer1.1.shortcut", "ReLU"]),
        ["a shortcut with a convolution alone"] = (model => Replace(GetBlock(model.layer2, 0), "shortcut", nn.Sequential(nn.Conv2d(64, 128, 1, stride: 2, bias: false))), ["layer2.0.shortcut", "Conv2d"]),
        ["a shortcut with three modules"] = (model => GetBlock(model.layer2, 0).shortcut.append(nn.Tanh()), ["layer2.0.shortcut", "Conv2d", "BatchNorm2d", "Tanh"]),
        ["a shortcut in another order"] = (model => Replace(GetBlock(model.layer2, 0), "shortcut", nn.Sequential(nn.BatchNorm2d(64), nn.Conv2d(64, 128, 1, stride: 2, bias: false))), ["layer2.0.shortcut", "BatchNorm2d, Conv2d"]),
        ["a shortcut of average pooling"] = (model => Replace(GetBlock(model.layer3, 0).shortcut, 0, nn.AvgPool2d(2)), ["layer3.0.shortcut", "AvgPool2d"]),
        ["a subclass as a shortcut"] = (model => Replace(GetBlock(model.layer1, 0), "shortcut", new Doubled()), ["layer1.0.shortcut", nameof(Doubled)]),

        ["a convolution with a bias"] = (model => GetBlock(model.layer1, 0).conv2.bias = nn.Parameter(ones(64)), ["layer1.0.conv2", "bias"]),
        ["a convolution with groups"] = (model => GetBlock(model.layer1, 0).conv2.groups = 2, ["layer1.0.conv2", "(64, 32, 3, 3)", "(64, 64, 3, 3)"]),
        ["a convolution with groups that do not divide its channels"] = (model => GetBlock(model.layer1, 0).conv2.groups = 3, ["layer1.0.conv2", "groups", "64", "3"]),
        ["a convolution with dilation"] = (model => { GetBlock(model.layer4, 1).conv1.dilation = [2, 2]; GetBlock(model.layer4, 1).conv1.SetPadding([2, 2]); }, ["layer4.1.conv1", "dilation", "2"]),
        ["a stride that is not the same in both directions"] = (model => model.conv1.stride = [2, 1], ["conv1", "stride", "(2, 1)"]),
        ["padding that is not the same in both directions"] = (model => model.conv1.SetPadding([3, 2]), ["conv1", "padding", "(3, 2)"]),
        ["padding given by name"] = (model => GetBlock(model.layer1, 0).conv1.SetPadding(Padding.Same), ["layer1.0.conv1", "padding", "Same"]),
        ["reflection padding"] = (model => GetBlock(model.layer1, 0).conv1.padding_mode = PaddingModes.Reflect, ["layer1.0.conv1", "padding", "Reflect"]),
        ["a kernel that is not square"] = (model => Replace(model, "conv1", nn.Conv2d(3, 64, (7L, 5L), stride: (2L, 2L), padding: (3L, 3L), bias: false)), ["conv1", "(64, 3, 7, 5)"]),
        ["a shortcut's convolution with a bias"] = (model => ((Conv2d)GetBlock(model.layer2, 0).shortcut.children().First()).bias = nn.Parameter(ones(128)), ["layer2.0.shortcut.0", "bias"]),
        // These used to end the process, in oneDNN.
        ["a stride of 0"] = (model => model.conv1.stride = [0, 0], ["conv1", "stride", "(0, 0)"]),
        ["a shortcut's stride of 0"] = (model => ((Conv2d)GetBlock(model.layer2, 0).shortcut.children().First()).stride = [0, 0], ["layer2.0.shortcut.0", "stride", "(0, 0)"]),
        ["a stride of more than 32 bits"] = (model => GetBlock(model.layer2, 0).conv1.stride = [1L << 32, 1L << 32], ["layer2.0.conv1", "stride"]),
        ["a padding of more than 32 bits"] = (model => model.conv1.SetPadding([5_000_000_000, 5_000_000_000]), ["conv1", "padding"]),
        ["a padding below 0"] = (model => model.conv1.SetPadding([-1, -1]), ["conv1", "padding", "(-1, -1)"]),
        // Where the shapes differ, the addition would broadcast one pixel over many.
        ["a second convolution with a stride"] = (model => GetBlock(model.layer3, 1).conv2.stride = [2, 2], ["layer3.1", "same shape"]),
        ["a second convolution of 1x1 with padding"] = (model => Replace(GetBlock(model.layer2, 1), "conv2", nn.Conv2d(128, 128, 1, padding: 1, bias: false)), ["layer2.1", "same shape"]),
        ["a first convolution with a stride and no shortcut"] = (model => GetBlock(model.layer4, 1).conv1.stride = [64, 64], ["layer4.1", "same shape"]),
        ["a block of other channels"] = (model => Replace(model.layer1, 1, new BasicBlock(32, 64)), ["layer1.1.conv1", "64 channels", "32"]),
        ["a classifier for other features"] = (model => Replace(model, "fc", nn.Linear(1024, 10)), ["fc", "512 features", "1024"]),

        ["a batch norm without running statistics"] = (model => (model.bn1.running_mean, model.bn1.running_var) = (null, null), ["bn1.running_mean", "none"]),
        ["a batch norm that never had running statistics"] = (model => Replace(GetBlock(model.layer1, 0), "bn2", nn.BatchNorm2d(64, track_running_stats: false)), ["layer1.0.bn2.running_mean", "none"]),
        ["a batch norm without weights"] = (model => Replace(GetBlock(model.layer1, 0), "bn2", nn.BatchNorm2d(64, affine: false)), ["layer1.0.bn2.weight", "none"]),
        ["a batch norm without bias"] = (model => model.bn1.bias = null, ["bn1.bias", "none"]),
        ["a batch norm that eval() does not reach"] = (model => { model.register_module("bn1", null!); model.register_module("bn1", nn.BatchNorm2d(64)); }, ["bn1", "eval()"]),
        ["a batch norm of one channel"] = (model => Replace(model, "bn1", nn.BatchNorm2d(1)), ["bn1.weight", "(64)", "(1)"]),

        ["max-pooling with another stride in each direction"] = (model => model.maxpool!.stride = [2, 1], ["maxpool", "stride", "(2, 1)"]),
        ["max-pooling of another height than width"] = (model => model.maxpool!.kernel_size = [3, 2], ["maxpool", "kernel_size", "(3, 2)"]),
        ["max-pooling with more padding than half its kernel"] = (model => model.maxpool!.padding = [2, 2], ["maxpool", "padding", "(2, 2)"]),
        ["max-pooling with dilation"] = (model => model.maxpool!.dilation = [2, 2], ["maxpool", "dilation", "(2, 2)"]),
        // The model throws for an image of one pixel; ONNX Runtime used to give an answer.
        ["max-pooling larger than a small image"] = (model => (model.maxpool!.kernel_size, model.maxpool.padding) = ([2, 2], [0, 0]), ["maxpool", "one pixel", "2"]),
        ["a convolution larger than a small image"] = (model => model.conv1.SetPadding([2, 2]), ["conv1", "one pixel", "7"]),
        ["max-pooling that rounds up"] = (model => model.maxpool!.ceil_mode = true, ["maxpool", "ceil_mode", "true"]),
        ["pooling to more than one pixel"] = (model => model.avgpool.output_size = [1, 2], ["avgpool", "(1, 1)", "(1, 2)"]),
        ["a classifier without bias"] = (model => model.fc.bias = null, ["fc.bias", "none"]),
        ["a classifier with one bias for all classes"] = (model => model.fc.bias = nn.Parameter(ones(1)), ["fc.bias", "(10)", "(1)"]),

        ["statistics of another type"] = (model => model.bn1.running_mean = zeros(64, ScalarType.Float64), ["bn1", "one type", "Float64"]),
        ["an epsilon that is 0 in float32"] = (model => model.bn1.eps = 1e-60, ["bn1", "eps", "1E-60"]),
        ["weights of another type"] = (model => model.layer3.to(ScalarType.Float64), ["layer3.0.conv1.weight", "Float32", "Float64"]),
        ["a classifier of another type"] = (model => model.fc.to(ScalarType.BFloat16), ["fc.weight", "Float32", "BFloat16"]),
        ["weights on another device"] = (model => model.layer2.to(META), ["layer2.0.conv1.weight", "meta"]),
        ["no weights at all"] = (model => model.to(META), ["conv1.weight", "meta"]),

        ["NaN in a convolution"] = (model => Fill(GetBlock(model.layer3, 1).conv2.weight, float.NaN), ["layer3.1.conv2", "finite"]),
        ["an infinity in a convolution"] = (model => Fill(model.conv1.weight, float.PositiveInfinity), ["conv1", "finite"]),
        ["NaN in a running mean"] = (model => Fill(model.bn1.running_mean!, float.NaN), ["conv1", "finite"]),
        ["a running variance below 0"] = (model => Fill(((BatchNorm2d)GetBlock(model.layer4, 0).shortcut.children().Last()).running_var!, -1), ["layer4.0.shortcut.0", "finite"]),
        ["a running variance of 0 and no epsilon"] = (model => { Fill(GetBlock(model.layer1, 0).bn1.running_var!, 0); GetBlock(model.layer1, 0).bn1.eps = 0; }, ["layer1.0.conv1", "finite"]),
        ["NaN in a batch norm's weight"] = (model => Fill(GetBlock(model.layer1, 0).bn1.weight, float.NaN), ["layer1.0.conv1", "finite"]),
        ["an infinity in a batch norm's bias"] = (model => Fill(GetBlock(model.layer1, 0).bn2.bias!, float.NegativeInfinity), ["layer1.0.conv2", "finite"]),
        ["NaN in the classifier's weight"] = (model => Fill(model.fc.weight, float.NaN), ["fc.weight", "finite"]),
        ["an infinity in the classifier's bias"] = (model => Fill(model.fc.bias!, float.PositiveInfinity), ["fc.bias", "finite"]),
    };

    public static TheoryData<string> Changes => [.. changes.Keys];

    [Theory, Trait(Category.Name, Category.Slow)]
    [MemberData(nameof(Changes))]
    public void Fuse_and_export_refuse_unknown_changes_and_name_them(string change)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        changes[change].Change(model);
        AssertRefused(model, changes[change].MessageParts);
    }

    /// <summary>A hook may replace an input or an output at any depth. TorchSharp has four ways to register one.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("")]
    [InlineData("conv1")]
    [InlineData("bn1")]
    [InlineData("maxpool")]
    [InlineData("layer2")]
    [InlineData("layer4.1")]
    [InlineData("layer1.0.conv1")]
    [InlineData("layer1.0.bn1")]
    [InlineData("layer1.0.conv2")]
    [InlineData("layer1.0.bn2")]
    [InlineData("layer1.0.shortcut")] // this one is empty
    [InlineData("layer2.0.shortcut")]
    [InlineData("layer2.0.shortcut.0")]
    [InlineData("layer2.0.shortcut.1")]
    [InlineData("avgpool")]
    [InlineData("fc")]
    public void A_forward_hook_is_refused_by_name_until_it_is_removed(string name)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        var module = (nn.Module<Tensor, Tensor>)(name == "" ? model : model.named_modules().Single(entry => entry.name == name).module);
        Func<nn.HookableModule<Func<nn.Module<Tensor, Tensor>, Tensor, Tensor>, Func<nn.Module<Tensor, Tensor>, Tensor, Tensor, Tensor>>.HookRemover>[] registrations =
        [
            () => module.register_forward_hook((_, _, output) => output * 3),
            () => module.register_forward_pre_hook((_, input) => input * 3),
            () => module.register_forward_hook(_ => { }),
            () => module.register_forward_pre_hook(_ => { }),
        ];
        foreach (var register in registrations)
        {
            var hook = register();
            AssertRefused(model, ["hook", name == "" ? "the model" : name]);
            hook.remove();
        }
        model.Fuse().Dispose();
    }

    /// <summary>If another version of TorchSharp renames the fields that hold hooks, all hooks would go unnoticed.</summary>
    [Fact]
    public void A_hook_is_found_on_every_module()
    {
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        foreach (var (name, module) in model.named_modules())
        {
            var hook = ((nn.Module<Tensor, Tensor>)module).register_forward_hook((_, _, output) => output);
            Assert.Contains(name, Assert.Throws<ArgumentException>(() => model.Fuse()).Message, StringComparison.Ordinal);
            hook.remove();
        }
    }

    [Fact]
    public void A_disposed_weight_is_named()
    {
        using var model = new ResNet18(10);
        GetBlock(model.layer3, 0).bn2.running_var!.Dispose();
        Assert.Contains("layer3.0.bn2.running_var", Assert.Throws<ObjectDisposedException>(() => model.Fuse()).Message, StringComparison.Ordinal);
    }

    /// <summary>The model itself can compute with these weights; folded, they exceed float16.</summary>
    [Fact]
    public void Weights_that_overflow_when_folded_are_refused()
    {
        using var model = new ResNet18(10, dtype: ScalarType.Float16);
        Fill(GetBlock(model.layer1, 0).conv1.weight, 100);
        Fill(GetBlock(model.layer1, 0).bn1.weight, 1000);
        var message = Assert.Throws<ArgumentException>(() => model.Fuse()).Message;
        Assert.Contains("layer1.0.conv1", message, StringComparison.Ordinal);
        Assert.Contains("Float16", message, StringComparison.Ordinal);
    }

    /// <summary>Changes that folding carries over, so that the outputs are still the model's.</summary>
    [Fact]
    public void Supported_changes_are_folded()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(3, Stem.Conv7MaxPool);
        foreach (var norm in model.modules().OfType<BatchNorm2d>())
            (norm.eps, norm.momentum) = (0.5, null);
        (model.conv1.stride, model.conv1.kernel_size) = ([1, 1], [1, 1]); // nothing reads kernel_size: the weights have a size of their own
        GetBlock(model.layer1, 0).conv1.SetPadding([2, 2]);
        GetBlock(model.layer1, 0).conv2.SetPadding([0, 0]);
        Replace(model.layer1, 1, GetBlock(model.layer1, 0)); // one block twice
        model.layer4.register_module("unused", nn.Identity());
        (model.maxpool!.kernel_size, model.maxpool.stride, model.maxpool.padding) = ([5, 5], [3, 3], [2, 2]);
        model.layer2.eval();

        AssertFolded(model);
    }

    [Fact]
    public void Other_kinds_and_numbers_of_blocks_are_folded()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(3);
        foreach (var (name, layer) in new[] { ("layer1", nn.Sequential()), ("layer2", nn.Sequential(new Bottleneck(64, 32, stride: 2, groups: 4, base_width: 16))) })
        {
            Replace(model, name, layer);
            model.register_module(name, null!);
            model.register_module(name, layer);
        }
        model.layer3.append(new BasicBlock(256, 256));
        model.layer4.append(new Bottleneck(512, 128));
        Trained.Perturb(model);

        AssertFolded(model);
    }

    [Fact]
    public void Batch_norms_may_have_another_type_than_convolutions()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(3, dtype: ScalarType.BFloat16);
        foreach (var norm in model.modules().OfType<BatchNorm2d>())
            norm.to(ScalarType.Float32);
        using var fused = model.Fuse();
        model.eval();
        var x = randn([2, 3, 40, 33], ScalarType.BFloat16);
        Assert.InRange(Trained.MeasureDifference(model.call(x), fused.call(x)), 0, 0.05);
    }

    /// <summary>Asserts that the fused and the exported network give the model's outputs in eval mode.</summary>
    private void AssertFolded(ResNet18 model)
    {
        using var fused = model.Fuse();
        OnnxExporter.Export(model, _folder["model.onnx"]);
        using var session = new OnnxSession(_folder["model.onnx"]);
        model.eval();
        var x = randn(2, 3, 40, 33);
        Assert.InRange(Trained.MeasureDifference(model.call(x), fused.call(x)), 0, 1e-5);
        Assert.InRange(Trained.MeasureDifference(model.call(x), session.Run(x)), 0, 1e-5);
        if (!FuseExtensions.IsInt8Supported) return;
        using var fused8 = model.Fuse([x]);
        Assert.InRange(Trained.MeasureDifference(model.call(x), fused8.call(x)), 0, 0.05);
    }

    /// <summary>Asserts that Fuse and the exporters refuse the model, and leave neither a tensor nor a file behind.</summary>
    private void AssertRefused(ResNet18 model, string[] messageParts)
    {
        using var image = rand(1, 3, 32, 32);
        Action[] uses =
        [
            () => model.Fuse(),
            () => model.Fuse([image]),
            () => OnnxExporter.Export(model, _folder["model.onnx"]),
            () => OnnxExporter.ExportInt8(model, [image], _folder["model.onnx"]),
        ];
        foreach (var use in uses)
        {
            var before = LiveTensors.Count();
            var refusal = Assert.Throws<ArgumentException>(use);
            Assert.All(messageParts.Append("Expected").Append("got").Append("'model'"), part => Assert.Contains(part, refusal.Message, StringComparison.Ordinal));
            Assert.Equal(before, LiveTensors.Count());
            Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
        }
    }

    private static BasicBlock GetBlock(Sequential layer, int index) => (BasicBlock)layer[index];

    private static void Fill(Tensor tensor, float value)
    {
        using var _ = no_grad();
        using var first = tensor.flatten()[0];
        first.fill_(value);
    }

    /// <summary>Replaces a member by reflection, which ignores <c>readonly</c> and <c>init</c>.</summary>
    private static void Replace(nn.Module module, string member, nn.Module by)
    {
        if (module is ResidualNetwork)
            typeof(ResidualNetwork).GetProperty(member)!.SetValue(module, by);
        else
            module.GetType().GetField(member)!.SetValue(module, by);
    }

    private static void Replace(Sequential sequential, int index, nn.Module by) =>
        ((IList)typeof(Sequential).GetField("_modules", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(sequential)!)[index] = by;

    private sealed class Tripled() : BasicBlock(64, 64)
    {
        public override Tensor forward(Tensor x)
        {
            using var y = base.forward(x);
            return y * 3;
        }
    }

    private sealed class Doubled(params nn.Module<Tensor, Tensor>[] modules) : Sequential(modules)
    {
        public override Tensor forward(Tensor x)
        {
            using var y = base.forward(x);
            return y * 2;
        }
    }
}
