using ResNet.Core.Tests.Deployment;
using Xunit.Abstractions;
using static ResNet.Core.Tests.Weights.OnnxFile;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Loading the weights of ONNX files.</summary>
public sealed class OnnxTests(ITestOutputHelper log) : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Measured: outputs at most 6e-7 of the largest output apart. FamilyTests covers every network.</summary>
    [Theory]
    [InlineData("resnet18", Stem.Conv3)]
    [InlineData("resnet50", Stem.Conv7MaxPool)]
    public void An_exported_network_loads_again(string architecture, Stem stem)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var exported = Trained.Create(architecture, stem);
        OnnxExporter.Export(exported, _folder["model.onnx"]);
        using var model = Family.Create(architecture, 10, stem);
        var report = Checkpoint.Load(model, _folder["model.onnx"]);
        Assert.True(report.IsComplete);
        Assert.Equal(model.state_dict().Keys.Where(name => !name.EndsWith("num_batches_tracked", StringComparison.Ordinal)).Order(), report.Loaded.Order());

        var x = randn(2, 3, 48, 33);
        using var session = new OnnxSession(_folder["model.onnx"]);
        exported.eval();
        model.eval();
        var (difference, fromOnnx) = (Trained.MeasureDifference(exported.forward(x), model.forward(x)), Trained.MeasureDifference(session.Run(x), model.forward(x)));
        log.WriteLine($"{architecture}: {difference:g2} from the model, {fromOnnx:g2} from ONNX Runtime");
        Assert.InRange(Math.Max(difference, fromOnnx), 0, 1e-5);

        // Exporting the folded weights again changes nothing.
        OnnxExporter.Export(model, _folder["again.onnx"]);
        Assert.Equal(File.ReadAllBytes(_folder["model.onnx"]), File.ReadAllBytes(_folder["again.onnx"]));
    }

    /// <summary>The ways in which torch.onnx.export writes torchvision's networks: opset, mode, constant folding, and common changes of the head.</summary>
    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public async Task PyTorch_exports_load_bit_for_bit_unless_folded()
    {
        using var python = PyTorchFactAttribute.StartExports(_folder.Path);
        foreach (var (line, folded) in ((string, bool)[])[
            ("resnet18 9 EVAL fold -", true), ("resnet18 11 EVAL no mean_flat", true), ("resnet18 13 EVAL fold matmul", true), ("resnet18 17 EVAL no matmul", true), ("resnet18 17 EVAL fold pool", true),
            ("resnet18 9 TRAINING no -", false), ("resnet18 14 TRAINING fold shared", false), ("resnet18 17 TRAINING no view", false), ("resnext50_32x4d 17 TRAINING no mean", false)])
        {
            Assert.Equal("written", await python.AskAsync(line));
            using var scope = NewDisposeScope();
            var architecture = line.Split(' ')[0];
            using var model = Family.Create(architecture, 10, Stem.Conv7MaxPool);
            using var theirs = Family.Create(architecture, 10, Stem.Conv7MaxPool);
            Checkpoint.Load(theirs, _folder["theirs.pth"]);
            var report = Checkpoint.Load(model, _folder["theirs.onnx"]);
            Assert.True(report.IsComplete, line);
            if (!folded)
                foreach (var name in report.Loaded)
                    Pattern.AssertEqual(theirs.state_dict()[name], model.state_dict()[name], $"{line}: {name}");

            using var _ = no_grad();
            var x = rand(2, 3, 64, 64);
            theirs.eval();
            model.eval();
            var difference = Trained.MeasureDifference(theirs.forward(x), model.forward(x));
            log.WriteLine($"{line}: {difference:g2}");
            Assert.InRange(difference, 0, folded ? 1e-5 : 0);
        }
    }

    /// <summary>Each file has tensors that fit, but computes something that no network here computes. A non-strict load takes what fits and reports the rest.</summary>
    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public async Task Networks_that_compute_something_else_load_only_when_not_strict()
    {
        using var python = PyTorchFactAttribute.StartExports(_folder.Path);
        foreach (var (extra, messages, missing, unexpected) in ((string, string[], string, string)[])[
            ("extra_block", ["layer4.2.conv1.weight", "the file's network has 20 layers, expected 18"], "", "layer4.2.conv1.weight"),
            ("softmax", ["Softmax '/after/Softmax' after fc"], "", "Softmax '/after/Softmax' after fc"),
            ("scaled", ["Sub '/before/Sub' before conv1, Div '/before/Div' before conv1"], "", "Sub '/before/Sub' before conv1"),
            ("no_head", ["missing in the file: fc.weight, fc.bias"], "fc.weight", ""),
            ("max", ["GlobalMaxPool '/avgpool/GlobalMaxPool' after the last block"], "fc.weight", "GlobalMaxPool '/avgpool/GlobalMaxPool' after the last block")])
        {
            Assert.Equal("written", await python.AskAsync($"resnet18 17 EVAL fold {extra}"));
            using var scope = NewDisposeScope();
            using var model = new ResNet18(10, Stem.Conv7MaxPool);
            using var theirs = new ResNet18(10, Stem.Conv7MaxPool);
            AssertRefused(model, extra, strict: true, messages);

            var report = Checkpoint.Load(model, _folder["theirs.onnx"], strict: false);
            Assert.Equal(missing, string.Concat(report.Missing.Take(1)));
            Assert.Equal(unexpected, string.Concat(report.Unexpected.Take(1)));
            Checkpoint.Load(theirs, _folder["theirs.pth"], strict: false);
            model.eval();
            theirs.eval();
            using var _ = no_grad();
            var x = rand(2, 3, 64, 64);
            Assert.InRange(Trained.MeasureDifference(theirs.forward_features(x), model.forward_features(x)), 0, 1e-5);
        }
    }

    /// <summary>HostileOnnxTests has more cases.</summary>
    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public async Task Networks_with_other_blocks_are_refused()
    {
        using var python = PyTorchFactAttribute.StartExports(_folder.Path);
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        foreach (var (line, message) in ((string, string)[])[
            ("resnet18 17 EVAL fold silu", "expected a ReLU and another convolution after it, or an addition, got Sigmoid '/layer1/layer1.0/relu/Sigmoid', Mul"),
            ("resnet18 17 EVAL fold preactivation", "pre-activation network"),
            ("resnet50 17 EVAL fold v1", "whereas Bottleneck has it in the 3x3, as in torchvision")])
        {
            Assert.Equal("written", await python.AskAsync(line));
            AssertRefused(model, line, strict: false, message);
        }
    }

    private void AssertRefused(ResidualNetwork model, string label, bool strict, params string[] messages)
    {
        using var unchanged = new Unchanged(model);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(model, _folder["theirs.onnx"], strict));
        log.WriteLine($"{label}: {problem.Message}");
        foreach (var message in messages)
            Assert.Contains(message, problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', problem.Message);
        unchanged.Assert();
    }

    [Fact]
    public void A_wrong_stem_or_number_of_classes_is_refused()
    {
        using var exported = new ResNet18(7, Stem.Conv7);
        OnnxExporter.Export(exported, _folder["model.onnx"]);
        using var other = new ResNet18(7, Stem.Conv7MaxPool);
        Assert.Contains("for another stem: expected Conv7MaxPool, got Conv7", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(other, _folder["model.onnx"])).Message, StringComparison.Ordinal);
        Assert.Equal("expected Conv7MaxPool, got Conv7", Checkpoint.Load(other, _folder["model.onnx"], strict: false).StemMismatch);

        using var ten = new ResNet18(10, Stem.Conv7);
        Assert.Contains("the file's network has 7 classes, expected 10", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(ten, _folder["model.onnx"])).Message, StringComparison.Ordinal);
        Assert.Equal(["fc.weight", "fc.bias"], Checkpoint.Load(ten, _folder["model.onnx"], strict: false).Mismatched.Select(mismatch => mismatch.Name));
    }

    [Fact]
    public void A_network_inside_another_module_is_found_but_two_are_refused()
    {
        using var exported = Trained.CreateResNet18();
        OnnxExporter.Export(exported, _folder["model.onnx"]);
        using var outer = nn.Sequential(("backbone", new ResNet18(10)));
        var report = Checkpoint.Load(outer, _folder["model.onnx"]);
        Assert.Contains("backbone.layer4.1.conv2.weight", report.Loaded);
        Pattern.AssertEqual(exported.fc.weight!, outer.state_dict()["backbone.fc.weight"], "fc.weight");

        using var two = nn.Sequential(("teacher", new ResNet18(10)), ("student", new ResNet18(10)));
        Assert.Contains("which loads into a module with exactly one ResidualNetwork, got one with 2", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(two, _folder["model.onnx"])).Message, StringComparison.Ordinal);
        using var none = nn.Linear(1, 1);
        Assert.Contains("which loads into a module with exactly one ResidualNetwork, got one with none", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(none, _folder["model.onnx"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ScalarType.Float64, 1e-5)]
    [InlineData(ScalarType.BFloat16, 0.1)]
    public void A_network_of_another_dtype_loads_the_file(ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var exported = Trained.CreateResNet18();
        OnnxExporter.Export(exported, _folder["model.onnx"]);
        using var model = new ResNet18(10, dtype: dtype);
        Assert.True(Checkpoint.Load(model, _folder["model.onnx"]).IsComplete);
        model.eval();
        exported.eval();
        var x = randn(2, 3, 48, 48);
        Assert.InRange(Trained.MeasureDifference(exported.forward(x), model.forward(x.to(dtype)).to(ScalarType.Float32)), 0, tolerance);
    }

    [Fact]
    public void A_network_with_another_eps_is_refused()
    {
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        ((BasicBlock)model.layer3.children().First()).bn2.eps = 1e-3;
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(model, _folder.Write("model.onnx", OnnxFile.CreateResNet18().Bytes)));
        Assert.Contains("expected a network whose batch norms have eps 1E-05, the default, got several", problem.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string> Ways => [.. ways.Keys];

    /// <summary>How different programs write the same network.</summary>
    private static readonly Dictionary<string, Action<OnnxFile>> ways = new()
    {
        ["as PyTorch does"] = _ => { },
        ["tensors behind an Identity, in a Constant, and as packed floats"] = file =>
        {
            file.Nodes.Insert(0, new("Identity", ["shared"], ["bn1.bias"]));
            file.Tensors["bn1.bias"] = Tensor("shared", 1, [64], Elements("bn1.bias", 1, 64));
            file.Nodes.Insert(0, new OnnxNode("Constant", [], ["bn1.weight"]).With(Join(Text(1, "value"), Field(5, file.Tensors["bn1.weight"]), Number(20, 4))));
            file.Tensors.Remove("bn1.weight");
            file.Tensors["bn1.running_mean"] = Join(Field(1, Varint(64)), Number(2, 1), Field(4, Elements("bn1.running_mean", 1, 64)), Text(8, "bn1.running_mean"));
        },
        ["as MXNet does"] = file =>
        {
            file.Inputs.AddRange(file.Tensors.Keys.Select(name => Text(1, name))); // before version 4 of the format
            file.Opset = 8;
            foreach (var norm in file.Nodes.Where(node => node.Type == "BatchNormalization"))
                norm.With(Float("epsilon", 1e-5f), Float("momentum", 0.9f), Int("spatial", 1));
            foreach (var conv in file.Nodes.Where(node => node.Type == "Conv"))
                conv.With(Int("group", 1), Ints("dilations", 1, 1));
            file.FindNode("fc").With(Float("alpha", 1), Float("beta", 1), Int("transA", 0));
        },
        ["as writers of proto3 do, without zeros"] = file =>
        {
            file.FindNode("maxpool").With(Absent("ceil_mode", 2), Absent("storage_order", 2), Absent("auto_pad", 3));
            file.Nodes.Insert(0, new OnnxNode("Transpose", ["fc.weight"], ["fc.weight.T"]).With(Ints("perm", 1, 0)));
            file.Replace("fc", new OnnxNode("Gemm", ["flatten", "fc.weight.T", "fc.bias"], ["fc"]).With(Absent("transA", 2), Absent("transB", 2)));
        },
        ["as PyTorch 1.4 writes an AvgPool2d in opset 9"] = file =>
        {
            (file.Opset, file.Inputs[0]) = (9, Value("x", 224));
            file.Nodes.Insert(file.Nodes.IndexOf(file.FindNode("avgpool")), new OnnxNode("Pad", ["layer4.1.relu2"], ["pad"]).With(String("mode", "constant"), Ints("pads", 0, 0, 0, 0, 0, 0, 0, 0), Float("value", 0)));
            file.Replace("avgpool", new OnnxNode("AveragePool", ["pad"], ["avgpool"]).With(Ints("kernel_shape", 7, 7), Ints("pads", 0, 0, 0, 0), Ints("strides", 7, 7)));
        },
        ["nodes that change nothing"] = file =>
        {
            file.FindNode("fc").Outputs[0] = "before";
            file.Nodes.Add(new OnnxNode("Cast", ["before"], ["as float"]).With(Int("to", 1)));
            file.Nodes.Add(new("Identity", ["as float"], ["fc"]));
            file.Nodes.Insert(file.Nodes.IndexOf(file.FindNode("before")), new OnnxNode("Dropout", ["flatten"], ["dropout"]).With(Float("ratio", 0.5f)));
            file.FindNode("before").Inputs[0] = "dropout";
            file.Replace("layer1.0.add", new("Sum", ["layer1.0.bn2", "maxpool"], ["layer1.0.add"]));
            file.Nodes.Insert(2, new("Sigmoid", ["conv1"], ["nothing"])); // and nothing reads it
        },
        ["a MatMul and an Add"] = file =>
        {
            file.Nodes.Insert(0, new OnnxNode("Transpose", ["fc.weight"], ["fc.weight.T"]).With(Ints("perm", 1, 0)));
            file.Replace("fc", new("MatMul", ["flatten", "fc.weight.T"], ["product"]));
            file.Nodes.Add(new("Add", ["fc.bias", "product"], ["fc"]));
        },
        ["a ReduceMean"] = file =>
        {
            file.Tensors.Add("axes", Tensor("axes", 7, [2], [.. BitConverter.GetBytes(-1L), .. BitConverter.GetBytes(-2L)]));
            file.Replace("avgpool", new OnnxNode("ReduceMean", ["layer4.1.relu2", "axes"], ["avgpool"]).With(Int("keepdims", 1)));
        },
        ["axes as unpacked numbers"] = file =>
        {
            file.Tensors.Add("axes", Join(Number(1, 2), Number(2, 7), Field(7, Join(Varint(2), Varint(3))), Text(8, "axes")));
            file.Replace("avgpool", new("ReduceMean", ["layer4.1.relu2", "axes"], ["avgpool"]));
        },
        ["a computed shape"] = file =>
        {
            file.Tensors.Add("1", Tensor("1", 7, [1], BitConverter.GetBytes(-1L)));
            file.Tensors.Add("0", Tensor("0", 7, [], BitConverter.GetBytes(0L)));
            var flatten = file.Nodes.IndexOf(file.FindNode("flatten"));
            file.Replace("flatten", new("Reshape", ["avgpool", "shape"], ["flatten"]));
            file.Nodes.Insert(flatten, new("Concat", ["rows", "1"], ["shape"]));
            file.Nodes.Insert(flatten, new("Unsqueeze", ["row"], ["rows"]));
            file.Nodes.Insert(flatten, new("Gather", ["all", "0"], ["row"]));
            file.Nodes.Insert(flatten, new("Shape", ["avgpool"], ["all"]));
        },
        ["less padding where it has no effect, and a window as large as the image"] = file =>
        {
            file.Inputs[0] = Value("x", 224);
            file.Set("conv1", Ints("pads", 3, 3, 2, 2));
            file.Set("maxpool", Ints("pads", 1, 1, 0, 0));
            foreach (var layer in (string[])["layer2", "layer3", "layer4"])
                file.Set($"{layer}.0.conv1", Ints("pads", 1, 1, 0, 0));
            file.Replace("avgpool", new OnnxNode("AveragePool", ["layer4.1.relu2"], ["avgpool"]).With(Ints("kernel_shape", 7, 7), Int("count_include_pad", 0)));
        },
        ["equivalent auto_pad"] = file =>
        {
            file.FindNode("layer1.0.conv2").Attributes.Clear();
            file.FindNode("layer1.0.conv2").With(String("auto_pad", "SAME_UPPER"));
            file.FindNode("layer2.0.shortcut.0").Attributes.Clear();
            file.FindNode("layer2.0.shortcut.0").With(Ints("strides", 2, 2), String("auto_pad", "VALID"));
        },
    };

    [Theory, Trait(Category.Name, Category.Slow)]
    [MemberData(nameof(Ways))]
    public void Every_way_of_writing_the_network_gives_the_same_weights(string way)
    {
        var file = OnnxFile.CreateResNet18();
        ways[way](file);
        AssertLoads(file);
    }

    /// <summary>A cast back to float does not restore the lost bits.</summary>
    [Fact]
    public void Casts_to_half_precision_around_the_network_are_unexpected()
    {
        var file = OnnxFile.CreateResNet18();
        file.Nodes.InsertRange(0, [new OnnxNode("Cast", ["x"], ["half"]).With(Int("to", 16)), new OnnxNode("Cast", ["half"], ["float"]).With(Int("to", 1))]);
        file.FindNode("conv1").Inputs[0] = "float";
        file.FindNode("fc").Outputs[0] = "logits";
        file.Nodes.AddRange([new OnnxNode("Cast", ["logits"], ["short"]).With(Int("to", 5)), new OnnxNode("Cast", ["short"], ["fc"]).With(Int("to", 11))]);
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        Assert.Equal(["Cast 'half' before conv1", "Cast 'short' after fc"], Checkpoint.Load(model, _folder.Write("model.onnx", file.Bytes), strict: false).Unexpected);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(16)]
    public void Weights_of_another_floating_point_type_are_converted(int type) => AssertLoads(OnnxFile.CreateResNet18(type));

    private void AssertLoads(OnnxFile file)
    {
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        var report = Checkpoint.Load(model, _folder.Write("model.onnx", file.Bytes));
        Assert.True(report.IsComplete);
        Assert.Equal(102, report.Loaded.Count);
        var state = model.state_dict();
        using var scope = NewDisposeScope();
        foreach (var name in report.Loaded)
        {
            var got = state[name].detach().flatten();
            var expected = tensor(Enumerable.Range(0, 17).Select(i => Element(name, i)).ToArray()).repeat([got.shape[0] / 17 + 1]).narrow(0, 0, got.shape[0]);
            Assert.True(expected.equal(got).all().item<bool>(), name);
        }
    }
}
