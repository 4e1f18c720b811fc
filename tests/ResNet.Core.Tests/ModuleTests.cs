using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>The model as a TorchSharp module: its children, its subclasses, its hooks.</summary>
public class ModuleTests
{
    [Fact]
    public void Submodules_have_PyTorchs_names_and_order()
    {
        using var model = new ResNet18(10);
        Assert.Equal(["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"], model.named_children().Select(child => child.name));
        nn.Module[] fields = [model.conv1, model.bn1, model.layer1, model.layer2, model.layer3, model.layer4, model.avgpool, model.fc];
        Assert.Equal(fields, model.named_children().Select(child => child.module));

        using var block = new BasicBlock(3, 4);
        Assert.Equal(["conv1", "bn1", "conv2", "bn2", "shortcut"], block.named_children().Select(child => child.name));
        fields = [block.conv1, block.bn1, block.conv2, block.bn2, block.shortcut];
        Assert.Equal(fields, block.named_children().Select(child => child.module));

        using var bottleneck = new Bottleneck(3, 4);
        Assert.Equal(["conv1", "bn1", "conv2", "bn2", "conv3", "bn3", "shortcut"], bottleneck.named_children().Select(child => child.name));
        fields = [bottleneck.conv1, bottleneck.bn1, bottleneck.conv2, bottleneck.bn2, bottleneck.conv3, bottleneck.bn3, bottleneck.shortcut];
        Assert.Equal(fields, bottleneck.named_children().Select(child => child.module));
    }

    [FamilyTheory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void Every_network_names_its_submodules_and_passes_training_mode_and_type_on_to_them(string architecture)
    {
        using var model = Family.Create(architecture, 10, Stem.Conv7MaxPool);
        Assert.Equal(model.GetType().Name, model.GetName());
        Assert.Equal(["conv1", "bn1", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"], model.named_children().Select(child => child.name));
        nn.Module?[] members = [model.conv1, model.bn1, model.maxpool, model.layer1, model.layer2, model.layer3, model.layer4, model.avgpool, model.fc];
        Assert.Equal(members, model.named_children().Select(child => child.module));

        Assert.All(model.modules(), module => Assert.True(module.training));
        model.eval();
        Assert.All(model.modules(), module => Assert.False(module.training));
        model.train();
        Assert.All(model.modules(), module => Assert.True(module.training));
        model.to(ScalarType.BFloat16);
        Assert.All(model.parameters(), parameter => Assert.Equal(ScalarType.BFloat16, parameter.dtype));
        Assert.All(model.buffers(), buffer => Assert.Equal(buffer.dim() == 0 ? ScalarType.Int64 : ScalarType.BFloat16, buffer.dtype));
    }

    [Fact]
    public void Training_mode_and_type_reach_every_submodule()
    {
        using var model = new ResNet18(10);
        Assert.True(model.training);
        Assert.All(model.modules(), module => Assert.True(module.training));
        model.eval();
        Assert.All(model.modules(), module => Assert.False(module.training));
        model.to(ScalarType.Float64);
        Assert.All(model.parameters(), parameter => Assert.Equal(ScalarType.Float64, parameter.dtype));
    }

    [Fact]
    public void A_model_that_loads_the_weights_of_another_gives_the_same_outputs()
    {
        using var scope = NewDisposeScope();
        using var saved = new ResNet18(10);
        using var loaded = new ResNet18(10);
        using var x = rand(2, 3, 32, 32);
        saved.forward(x); // moves the running statistics away from their defaults
        saved.eval();
        loaded.eval();
        Assert.False(saved.forward(x).equal(loaded.forward(x)).all().item<bool>());

        using var written = new MemoryStream(); // save closes it
        saved.save(written);
        using var read = new MemoryStream(written.ToArray());
        loaded.load(read);
        Assert.True(saved.forward(x).equal(loaded.forward(x)).all().item<bool>());
    }

    [Fact]
    public void A_subclass_registers_its_own_submodules_beside_the_inherited_ones()
    {
        using var scope = NewDisposeScope();
        using var model = new TwoHeaded();
        Assert.Equal(64, model.parameters().Count());
        Assert.Contains("second.weight", model.state_dict().Keys);
        Assert.Equal([2, 4], model.forward(rand(2, 3, 32, 32)).shape);

        using var network = nn.Sequential(new WithTemperature(3, 8), new WithTemperature(8, 8));
        Assert.Contains("1.temperature", network.state_dict().Keys);
        Assert.Equal([2, 8, 4, 4], network.forward(rand(2, 3, 4, 4)).shape);
    }

    [Fact]
    public void A_subclass_and_a_module_around_it_list_each_tensor_once_under_its_PyTorch_name()
    {
        using var scope = NewDisposeScope();
        using var model = new Detector();
        using var plain = new ResNet50(10);
        string[] expected = [.. plain.state_dict().Keys.Select(name => $"backbone.{name}"), "backbone.neck.weight", "backbone.neck.bias", "head.weight", "head.bias"];
        Assert.Contains("backbone.layer1.0.conv1.weight", expected);
        Assert.Equal(expected.Order(StringComparer.Ordinal), model.state_dict().Keys.Order(StringComparer.Ordinal));
        Assert.Equal(161 + 4, model.parameters().Count());
        Assert.Equal(161 + 4, model.parameters().Select(parameter => parameter.Handle).Distinct().Count());
        Assert.Equal(["backbone", "head"], model.named_children().Select(child => child.name));
        Assert.Equal([2, 5, 2, 3], model.forward(rand(2, 3, 33, 65)).shape);
    }

    private sealed class WithNeck : ResNet50
    {
        private readonly Conv2d neck = nn.Conv2d(2048, 8, kernel_size: 1);

        public WithNeck()
            : base(num_classes: 10) =>
            RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            using var features = forward_features(x);
            return neck.call(features);
        }
    }

    private sealed class Detector : nn.Module<Tensor, Tensor>
    {
        private readonly WithNeck backbone = new();
        private readonly Conv2d head = nn.Conv2d(8, 5, kernel_size: 1);

        public Detector()
            : base(nameof(Detector)) =>
            RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            using var features = backbone.call(x);
            return head.call(features);
        }
    }

    private sealed class TwoHeaded : ResNet18
    {
        private readonly Linear second;

        public TwoHeaded()
            : base(num_classes: 10)
        {
            second = nn.Linear(10, 4);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var logits = base.forward(x);
            return second.call(logits);
        }
    }

    private sealed class WithTemperature : BasicBlock
    {
        private readonly Parameter temperature;

        public WithTemperature(long in_channels, long out_channels)
            : base(in_channels, out_channels)
        {
            temperature = nn.Parameter(ones(1));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var y = base.forward(x);
            return y * temperature;
        }
    }

    [Fact]
    public void Forward_hooks_of_submodules_run_and_may_keep_or_replace_tensors()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10);
        var features = new List<Tensor>();
        model.avgpool.register_forward_hook((_, _, output) =>
        {
            features.Add(output.alias().DetachFromDisposeScope());
            return output;
        });
        using var replacement = zeros(2, 512, 1, 1);
        var replaced = false;
        model.avgpool.register_forward_hook((_, _, output) => replaced ? replacement : output);

        model.call(rand(2, 3, 32, 32));
        Assert.Equal([2, 512, 1, 1], features.Single().shape);
        Assert.True(features[0].abs().sum().item<float>() > 0);

        replaced = true;
        using var biases = model.call(rand(2, 3, 32, 32));
        Assert.True(biases[0].equal(model.fc.bias!).all().item<bool>());
        Assert.False(replacement.IsInvalid); // the tensor of another owner is not disposed
        features.ForEach(feature => feature.Dispose());
    }

    [Fact]
    public void The_forward_pass_does_not_change_its_input()
    {
        using var scope = NewDisposeScope();
        using var block = new BasicBlock(3, 3);
        using var x = randn(2, 3, 8, 8);
        using var before = x.clone();
        block.forward(x);
        Assert.True(x.equal(before).all().item<bool>());
    }

    [Fact]
    public void The_output_belongs_to_the_callers_dispose_scope()
    {
        using var model = new ResNet18(10);
        using var x = rand(2, 3, 32, 32);
        Tensor output;
        using (NewDisposeScope())
            output = model.forward(x);
        Assert.True(output.IsInvalid);

        using var free = model.forward(x);
        Assert.False(free.IsInvalid);
        Assert.Null(CurrentDisposeScope);
    }
}
