using System.Collections;
using System.Reflection;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>
/// A network that somebody has changed: where folding would give another answer than the network in eval mode, whatever folds or exports
/// says what it does not know, and where.
/// </summary>
public sealed class ChangedNetworkTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly Dictionary<string, (Action<ResNet18> Change, string[] Says)> changes = new()
    {
        ["a subclass of a block"] = (model => Replace(model.layer1, 0, new Tripled()), ["BasicBlock", nameof(Tripled), "layer1.0"]),
        ["a module that is no block"] = (model => Replace(model.layer2, 1, nn.Identity()), ["BasicBlock", "Identity", "layer2.1"]),
        ["a subclass of Sequential"] = (model => Replace(model, "layer3", new Doubled(model.layer3)), ["Sequential", nameof(Doubled), "layer3"]),
        ["a block of another width"] = (model => model.layer4.append(new Bottleneck(2048, 512)), ["layer4.2.conv1", "512 channels", "2048"]),

        ["a shortcut with an activation"] = (model => Block(model.layer1, 1).shortcut.append(nn.ReLU()), ["layer1.1.shortcut", "ReLU"]),
        ["a shortcut with a convolution alone"] = (model => Replace(Block(model.layer2, 0), "shortcut", nn.Sequential(nn.Conv2d(64, 128, 1, stride: 2, bias: false))), ["layer2.0.shortcut", "Conv2d"]),
        ["a shortcut with three modules"] = (model => Block(model.layer2, 0).shortcut.append(nn.Tanh()), ["layer2.0.shortcut", "Conv2d", "BatchNorm2d", "Tanh"]),
        ["a shortcut in another order"] = (model => Replace(Block(model.layer2, 0), "shortcut", nn.Sequential(nn.BatchNorm2d(64), nn.Conv2d(64, 128, 1, stride: 2, bias: false))), ["layer2.0.shortcut", "BatchNorm2d, Conv2d"]),
        ["a shortcut of average pooling"] = (model => Replace(Block(model.layer3, 0).shortcut, 0, nn.AvgPool2d(2)), ["layer3.0.shortcut", "AvgPool2d"]),
        ["a subclass as a shortcut"] = (model => Replace(Block(model.layer1, 0), "shortcut", new Doubled()), ["layer1.0.shortcut", nameof(Doubled)]),

        ["a convolution with a bias"] = (model => Block(model.layer1, 0).conv2.bias = nn.Parameter(ones(64)), ["layer1.0.conv2", "bias"]),
        ["a convolution with groups"] = (model => Block(model.layer1, 0).conv2.groups = 2, ["layer1.0.conv2", "(64, 32, 3, 3)", "(64, 64, 3, 3)"]),
        ["a convolution with groups that do not divide its channels"] = (model => Block(model.layer1, 0).conv2.groups = 3, ["layer1.0.conv2", "groups", "64", "3"]),
        ["a convolution with dilation"] = (model => { Block(model.layer4, 1).conv1.dilation = [2, 2]; Block(model.layer4, 1).conv1.SetPadding([2, 2]); }, ["layer4.1.conv1", "dilation", "2"]),
        ["a stride that is not the same in both directions"] = (model => model.conv1.stride = [2, 1], ["conv1", "stride", "(2, 1)"]),
        ["padding that is not the same in both directions"] = (model => model.conv1.SetPadding([3, 2]), ["conv1", "padding", "(3, 2)"]),
        ["padding by name"] = (model => Block(model.layer1, 0).conv1.SetPadding(Padding.Same), ["layer1.0.conv1", "padding", "Same"]),
        ["padding with what is there"] = (model => Block(model.layer1, 0).conv1.padding_mode = PaddingModes.Reflect, ["layer1.0.conv1", "padding", "Reflect"]),
        ["a kernel that is not square"] = (model => Replace(model, "conv1", nn.Conv2d(3, 64, (7L, 5L), stride: (2L, 2L), padding: (3L, 3L), bias: false)), ["conv1", "(64, 3, 7, 5)"]),
        ["a shortcut's convolution with a bias"] = (model => ((Conv2d)Block(model.layer2, 0).shortcut.children().First()).bias = nn.Parameter(ones(128)), ["layer2.0.shortcut.0", "bias"]),
        // These ended the process, in oneDNN.
        ["a stride of 0"] = (model => model.conv1.stride = [0, 0], ["conv1", "stride", "(0, 0)"]),
        ["a shortcut's stride of 0"] = (model => ((Conv2d)Block(model.layer2, 0).shortcut.children().First()).stride = [0, 0], ["layer2.0.shortcut.0", "stride", "(0, 0)"]),
        ["a stride of more than 32 bits"] = (model => Block(model.layer2, 0).conv1.stride = [1L << 32, 1L << 32], ["layer2.0.conv1", "stride"]),
        ["a padding of more than 32 bits"] = (model => model.conv1.SetPadding([5_000_000_000, 5_000_000_000]), ["conv1", "padding"]),
        ["a padding below 0"] = (model => model.conv1.SetPadding([-1, -1]), ["conv1", "padding", "(-1, -1)"]),
        // An addition spreads one pixel over many where the shapes differ.
        ["a second convolution with a stride"] = (model => Block(model.layer3, 1).conv2.stride = [2, 2], ["layer3.1", "same shape"]),
        ["a second convolution of 1x1 with padding"] = (model => Replace(Block(model.layer2, 1), "conv2", nn.Conv2d(128, 128, 1, padding: 1, bias: false)), ["layer2.1", "same shape"]),
        ["a first convolution with a stride and no shortcut"] = (model => Block(model.layer4, 1).conv1.stride = [64, 64], ["layer4.1", "same shape"]),
        ["a block of other channels"] = (model => Replace(model.layer1, 1, new BasicBlock(32, 64)), ["layer1.1.conv1", "64 channels", "32"]),
        ["a classifier for other features"] = (model => Replace(model, "fc", nn.Linear(1024, 10)), ["fc", "512 features", "1024"]),

        ["a batch norm without running statistics"] = (model => (model.bn1.running_mean, model.bn1.running_var) = (null, null), ["bn1.running_mean", "none"]),
        ["a batch norm that never had any"] = (model => Replace(Block(model.layer1, 0), "bn2", nn.BatchNorm2d(64, track_running_stats: false)), ["layer1.0.bn2.running_mean", "none"]),
        ["a batch norm without weights"] = (model => Replace(Block(model.layer1, 0), "bn2", nn.BatchNorm2d(64, affine: false)), ["layer1.0.bn2.weight", "none"]),
        ["a batch norm without bias"] = (model => model.bn1.bias = null, ["bn1.bias", "none"]),
        ["a batch norm that eval() does not reach"] = (model => { model.register_module("bn1", null!); model.register_module("bn1", nn.BatchNorm2d(64)); }, ["bn1", "eval()"]),
        ["a batch norm of one channel"] = (model => Replace(model, "bn1", nn.BatchNorm2d(1)), ["bn1.weight", "(64)", "(1)"]),

        ["max-pooling with another stride in each direction"] = (model => model.maxpool!.stride = [2, 1], ["maxpool", "stride", "(2, 1)"]),
        ["max-pooling of another height than width"] = (model => model.maxpool!.kernel_size = [3, 2], ["maxpool", "kernel_size", "(3, 2)"]),
        ["max-pooling with more padding than half its kernel"] = (model => model.maxpool!.padding = [2, 2], ["maxpool", "padding", "(2, 2)"]),
        ["max-pooling with dilation"] = (model => model.maxpool!.dilation = [2, 2], ["maxpool", "dilation", "(2, 2)"]),
        // ONNX Runtime answered an image of one pixel, where the model throws.
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
        ["weights elsewhere"] = (model => model.layer2.to(META), ["layer2.0.conv1.weight", "meta"]),
        ["no weights at all"] = (model => model.to(META), ["conv1.weight", "meta"]),

        ["NaN in a convolution"] = (model => Fill(Block(model.layer3, 1).conv2.weight, float.NaN), ["layer3.1.conv2", "finite"]),
        ["an infinity in a convolution"] = (model => Fill(model.conv1.weight, float.PositiveInfinity), ["conv1", "finite"]),
        ["NaN in a running mean"] = (model => Fill(model.bn1.running_mean!, float.NaN), ["conv1", "finite"]),
        ["a running variance below 0"] = (model => Fill(((BatchNorm2d)Block(model.layer4, 0).shortcut.children().Last()).running_var!, -1), ["layer4.0.shortcut.0", "finite"]),
        ["a running variance of 0 and no epsilon"] = (model => { Fill(Block(model.layer1, 0).bn1.running_var!, 0); Block(model.layer1, 0).bn1.eps = 0; }, ["layer1.0.conv1", "finite"]),
        ["NaN in a batch norm's weight"] = (model => Fill(Block(model.layer1, 0).bn1.weight, float.NaN), ["layer1.0.conv1", "finite"]),
        ["an infinity in a batch norm's bias"] = (model => Fill(Block(model.layer1, 0).bn2.bias!, float.NegativeInfinity), ["layer1.0.conv2", "finite"]),
        ["NaN in the classifier's weight"] = (model => Fill(model.fc.weight, float.NaN), ["fc.weight", "finite"]),
        ["an infinity in the classifier's bias"] = (model => Fill(model.fc.bias!, float.PositiveInfinity), ["fc.bias", "finite"]),
    };

    public static TheoryData<string> Changes => [.. changes.Keys];

    [Theory, Trait(Category.Name, Category.Slow)]
    [MemberData(nameof(Changes))]
    public void What_folding_does_not_know_is_refused_by_name(string change)
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        changes[change].Change(model);
        AssertRefused(model, changes[change].Says);
    }

    /// <summary>A hook may replace what goes in or comes out, at any depth and in whichever of TorchSharp's four ways it was registered.</summary>
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
    [InlineData("layer1.0.shortcut")] // which is empty
    [InlineData("layer2.0.shortcut")]
    [InlineData("layer2.0.shortcut.0")]
    [InlineData("layer2.0.shortcut.1")]
    [InlineData("avgpool")]
    [InlineData("fc")]
    public void A_forward_hook_is_refused_by_name_and_once_removed_no_longer(string name)
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

    /// <summary>Or a TorchSharp that names its fields otherwise would have every hook overlooked.</summary>
    [Fact]
    public void Every_module_that_can_have_hooks_is_looked_at()
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
    public void Weights_that_were_disposed_are_named()
    {
        using var model = new ResNet18(10);
        Block(model.layer3, 0).bn2.running_var!.Dispose();
        Assert.Contains("layer3.0.bn2.running_var", Assert.Throws<ObjectDisposedException>(() => model.Fuse()).Message, StringComparison.Ordinal);
    }

    /// <summary>The model computes with them, its folded weights are beyond float16.</summary>
    [Fact]
    public void Weights_that_folding_takes_beyond_their_type_are_refused()
    {
        using var model = new ResNet18(10, dtype: ScalarType.Float16);
        Fill(Block(model.layer1, 0).conv1.weight, 100);
        Fill(Block(model.layer1, 0).bn1.weight, 1000);
        var message = Assert.Throws<ArgumentException>(() => model.Fuse()).Message;
        Assert.Contains("layer1.0.conv1", message, StringComparison.Ordinal);
        Assert.Contains("Float16", message, StringComparison.Ordinal);
    }

    /// <summary>What a user may change without an answer that differs: folded as it is.</summary>
    [Fact]
    public void Settings_that_folding_knows_are_folded()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18(3, Stem.Conv7MaxPool);
        foreach (var norm in model.modules().OfType<BatchNorm2d>())
            (norm.eps, norm.momentum) = (0.5, null);
        (model.conv1.stride, model.conv1.kernel_size) = ([1, 1], [1, 1]); // nothing reads the size of the kernel: the weights have one
        Block(model.layer1, 0).conv1.SetPadding([2, 2]);
        Block(model.layer1, 0).conv2.SetPadding([0, 0]);
        Replace(model.layer1, 1, Block(model.layer1, 0)); // one block twice
        model.layer4.register_module("unused", nn.Identity());
        (model.maxpool!.kernel_size, model.maxpool.stride, model.maxpool.padding) = ([5, 5], [3, 3], [2, 2]);
        model.layer2.eval();

        AssertFolded(model);
    }

    /// <summary>A network has the blocks that it has.</summary>
    [Fact]
    public void Other_blocks_and_another_number_of_them_are_folded_as_they_are()
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
        Trained.Change(model);

        AssertFolded(model);
    }

    [Fact]
    public void Batch_norms_may_be_of_another_type_than_convolutions()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18(3, dtype: ScalarType.BFloat16);
        foreach (var norm in model.modules().OfType<BatchNorm2d>())
            norm.to(ScalarType.Float32);
        using var fused = model.Fuse();
        model.eval();
        var x = randn([2, 3, 40, 33], ScalarType.BFloat16);
        Assert.InRange(Trained.Apart(model.call(x), fused.call(x)), 0, 0.05);
    }

    /// <summary>Into one that answers as it does in eval mode, fused and in ONNX Runtime.</summary>
    private void AssertFolded(ResNet18 model)
    {
        using var fused = model.Fuse();
        OnnxExporter.Export(model, _folder["model.onnx"]);
        using var session = new OnnxSession(_folder["model.onnx"]);
        model.eval();
        var x = randn(2, 3, 40, 33);
        Assert.InRange(Trained.Apart(model.call(x), fused.call(x)), 0, 1e-5);
        Assert.InRange(Trained.Apart(model.call(x), session.Run(x)), 0, 1e-5);
        if (!FuseExtensions.IsInt8Supported) return;
        using var fused8 = model.Fuse([x]);
        Assert.InRange(Trained.Apart(model.call(x), fused8.call(x)), 0, 0.05);
    }

    /// <summary>By each, which leaves nothing behind.</summary>
    private void AssertRefused(ResNet18 model, string[] says)
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
            Assert.All(says.Append("Expected").Append("got").Append("'model'"), part => Assert.Contains(part, refusal.Message, StringComparison.Ordinal));
            Assert.Equal(before, LiveTensors.Count());
            Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
        }
    }

    private static BasicBlock Block(Sequential layer, int index) => (BasicBlock)layer[index];

    private static void Fill(Tensor tensor, float value)
    {
        using var _ = no_grad();
        using var first = tensor.flatten()[0];
        first.fill_(value);
    }

    /// <summary>As somebody can who is not held up by <c>readonly</c> or <c>init</c>.</summary>
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
