using Xunit.Abstractions;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Tests.Parity;

/// <summary>The network trains as in PyTorch: loss, gradients, ten steps of SGD.</summary>
public class TrainingTests(ITestOutputHelper log)
{
    private static readonly Case[] fixture = Fixture.Read<Case[]>("training");

    private sealed record Case(
        long Seed, long NumClasses, string Stem, long InputSeed, long[] InputShape, string Dtype, long[] Labels,
        double Lr, double Momentum, double WeightDecay, double[] Losses,
        Dictionary<string, Digest> Gradients, Dictionary<string, Digest> StateDict, long NumBatchesTracked);

    public static TheoryData<int> OtherCases => [.. Enumerable.Range(1, fixture.Length - 1)];

    /// <summary>
    /// Measured, relative to the largest value: gradients at most 3e-6 apart in float32 and 2e-14 in float64, and after ten
    /// steps 4e-6 and 1e-14. Each step amplifies the differences of the last, and a ReLU can flip, so the tolerances leave
    /// more room for the kernels of other processors than a single pass needs. A wrong formula is off by far more than 1e-2.
    /// </summary>
    [Theory]
    [InlineData(0)]
    public void Loss_gradients_and_ten_SGD_steps_match_PyTorch(int index)
    {
        var expected = fixture[index];
        var exact = expected.Dtype == "float64" && Fixture.SameRounding;
        var gradients = new Comparison(exact ? 1e-11 : 1e-3);
        var training = new Comparison(exact ? 1e-9 : 1e-2);

        using var scope = NewDisposeScope();
        using var model = Fixture.CreateModel(expected.Seed, expected.NumClasses, expected.Stem, expected.Dtype);
        using var x = Fixture.CreateInput(expected.InputSeed, expected.InputShape, expected.Dtype);
        using var y = tensor(expected.Labels);
        using var optimizer = optim.SGD(model.parameters(), expected.Lr, expected.Momentum, weight_decay: expected.WeightDecay);

        var losses = new double[expected.Losses.Length];
        for (var step = 0; step < losses.Length; step++)
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            var loss = F.cross_entropy(model.forward(x), y);
            loss.backward();
            losses[step] = loss.to(ScalarType.Float64).item<double>();

            if (step == 0)
            {
                Assert.Equal(model.named_parameters().Select(p => p.name), expected.Gradients.Keys);
                foreach (var (name, parameter) in model.named_parameters())
                    gradients.AssertClose(expected.Gradients[name], parameter.grad!, $"gradient of {name}");
            }

            optimizer.step();
        }

        training.AssertClose(expected.Losses, losses, "loss");
        var state = model.state_dict();
        Assert.Equal(102, expected.StateDict.Count);
        foreach (var (name, digest) in expected.StateDict)
            training.AssertClose(digest, state[name], name);
        Assert.Equal(expected.NumBatchesTracked, model.bn1.num_batches_tracked!.to(ScalarType.Int64).item<long>());
        log.WriteLine($"{expected.Dtype}, {expected.Stem}: gradients at most {gradients.Largest:e1} apart, losses, weights and statistics of ten steps {training.Largest:e1}");
    }

    [Theory, Trait(Category.Name, Category.Slow)]
    [MemberData(nameof(OtherCases))]
    public void Other_stems_and_types_match_PyTorch_too(int index) => Loss_gradients_and_ten_SGD_steps_match_PyTorch(index);
}
