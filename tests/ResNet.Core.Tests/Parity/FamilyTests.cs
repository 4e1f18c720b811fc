using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Tests.Parity;

/// <summary>The networks match torchvision's. For the same seed they have the same weights and outputs, and they train in the same way.</summary>
public class FamilyTests(ITestOutputHelper log)
{
    private static readonly Case[] fixture = Fixture.Read<Case[]>("family");

    private sealed record Case(
        string Architecture, string Stem, long Seed, long NumClasses, long InputSeed, long[] InputShape, Listing Tensors, Outputs Outputs, Training? Training)
    {
        /// <summary>Creates the network. Its weights are drawn in float32 for every type, so that a seed always means the same network.</summary>
        public ResidualNetwork CreateModel(ScalarType dtype)
        {
            manual_seed(Seed);
            var model = Family.Create(Architecture, NumClasses, Enum.Parse<Stem>(Stem));
            model.to(dtype);
            return model;
        }
    }

    private sealed record Outputs(string Dtype, double Tolerance, double[] Train, double[] Eval, double[] Features);

    private sealed record Training(
        string Dtype, long[] Labels, double Lr, double Momentum, double WeightDecay,
        double[] Train, double[][] Statistics, double[][] Gradients, double[] Eval, double[] Features, After After);

    private sealed record After(double Tolerance, double[] Losses, Dictionary<string, double[]> State);

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var c in fixture)
                cases.Add(c.Architecture, c.Stem);
            return cases;
        }
    }

    private static IEnumerable<string> Architectures => fixture.Where(c => c.Training is not null).Select(c => c.Architecture);

    public static TheoryData<string> Trained => [.. Architectures];

    private static Case Find(string architecture, string stem) => fixture.Single(c => (c.Architecture, c.Stem) == (architecture, stem));

    [Fact]
    public void Every_network_except_resnet18_has_fixtures() =>
        Assert.Equal(Family.All.Except(["resnet18"]), Architectures);

    /// <summary>
    /// Two versions of libtorch add the same numbers in another order, and every layer amplifies the difference. Measured, relative to the
    /// largest value: from 5e-7 with 34 layers to 2e-3 with 152 layers, and up to 3e-3 if weights differ in their last bit.
    /// </summary>
    [FamilyTheory]
    [MemberData(nameof(Cases))]
    public void A_new_network_has_torchvisions_tensors_and_outputs(string architecture, string stem)
    {
        var expected = Find(architecture, stem);
        using var scope = NewDisposeScope();
        using var model = expected.CreateModel(ScalarType.Float32);
        expected.Tensors.AssertSame(model);

        using var x = Fixture.CreateInput(expected.InputSeed, expected.InputShape, expected.Outputs.Dtype);
        using var _ = no_grad();
        var (train, eval) = (new Comparison(expected.Outputs.Tolerance), new Comparison(expected.Outputs.Tolerance));
        train.AssertClose(expected.Outputs.Train, Fixture.ReadValues(model.forward(x)), "output in train mode");
        AssertEvalOutputs(eval, expected.Outputs.Eval, expected.Outputs.Features, model, x);
        log.WriteLine($"float32: at most {train.Largest:e1} apart in train mode, {eval.Largest:e1} in eval mode");
    }

    /// <summary>
    /// In float64, because training networks of this depth is chaotic in float32. Measured, relative to the larger of a tensor's two numbers: at
    /// most 1e-11 in the first step, mostly because the fixtures have twelve digits, and 6e-9 after the last. If weights differ in their last bit: 0.08 and 0.13.
    /// </summary>
    [FamilyTheory, Trait(Category.Name, Category.Slow)]
    [MemberData(nameof(Trained))]
    public void Gradients_running_statistics_and_SGD_steps_match_torchvision(string architecture)
    {
        var network = Find(architecture, nameof(Stem.Conv7MaxPool));
        var expected = network.Training!;
        var pass = new Comparison(Fixture.SameRounding ? 1e-9 : 0.5);
        var training = new Comparison(Fixture.SameRounding ? expected.After.Tolerance : 0.5);

        using var scope = NewDisposeScope();
        using var model = network.CreateModel(ScalarType.Float64);
        using var x = Fixture.CreateInput(network.InputSeed, network.InputShape, expected.Dtype);
        using var y = tensor(expected.Labels);
        using var optimizer = optim.SGD(model.parameters(), expected.Lr, expected.Momentum, weight_decay: expected.WeightDecay);

        var losses = new double[expected.After.Losses.Length];
        for (var step = 0; step < losses.Length; step++)
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            var logits = model.forward(x);
            var loss = F.cross_entropy(logits, y);
            loss.backward();
            losses[step] = loss.item<double>();

            if (step == 0)
            {
                pass.AssertClose(expected.Train, Fixture.ReadValues(logits), "output in train mode");
                AssertClose(pass, expected.Statistics, model.named_buffers().Where(b => b.buffer.is_floating_point()));
                AssertClose(pass, expected.Gradients, model.named_parameters().Select(p => ($"gradient of {p.name}", p.parameter.grad!)));
                AssertEvalOutputs(pass, expected.Eval, expected.Features, model, x);
            }

            optimizer.step();
        }

        training.AssertClose(expected.After.Losses, losses, "loss");
        Assert.Equal(["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"], expected.After.State.Keys);
        foreach (var (name, sketch) in expected.After.State)
        {
            var child = model.named_children().Single(child => child.name == name).module;
            training.AssertClose(sketch, Sketch.Compute([.. child.parameters(), .. child.buffers().Where(b => b.is_floating_point())]), name);
        }
        log.WriteLine($"first pass at most {pass.Largest:e1} apart, {losses.Length} steps {training.Largest:e1}");
    }

    private static void AssertEvalOutputs(Comparison comparison, double[] logits, double[] features, ResidualNetwork model, Tensor x)
    {
        using var _ = no_grad();
        model.eval();
        comparison.AssertClose(logits, Fixture.ReadValues(model.forward(x)), "output in eval mode");
        comparison.AssertClose(features, Sketch.Compute(model.forward_features(x)), "features in eval mode");
        model.train();
    }

    private static void AssertClose(Comparison comparison, double[][] expected, IEnumerable<(string Name, Tensor Tensor)> actual)
    {
        Assert.Equal(expected.Length, actual.Count());
        foreach (var (sketch, (name, tensor)) in expected.Zip(actual))
            comparison.AssertClose(sketch, Sketch.Compute(tensor), name);
    }
}
