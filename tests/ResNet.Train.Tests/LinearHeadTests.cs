using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train.Tests;

public sealed class LinearHeadTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public LinearHeadTests() => random.manual_seed(1);

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Fit_minimizes_the_penalized_loss_of_standardized_features()
    {
        var (features, labels) = CreateClusters(perClass: 30, classes: 3, width: 5, spread: 2);

        using var head = Fit(features, labels, 3);

        // No nearby head is better.
        var least = ComputeObjective(head.Weight, head.Bias);
        for (var i = 0; i < 20; i++)
            Assert.True(least < ComputeObjective(head.Weight + 0.03 * randn_like(head.Weight), head.Bias + 0.03 * randn_like(head.Bias)));

        double ComputeObjective(Tensor weight, Tensor bias)
        {
            var standardized = weight * features.std(0, unbiased: false);
            return (F.cross_entropy(F.linear(features, weight, bias), labels) + 0.01 / 2 * standardized.square().sum()).item<float>();
        }
    }

    [Fact]
    public void Features_of_any_scale_and_offset_give_the_same_logits()
    {
        var (features, labels) = CreateClusters(perClass: 20, classes: 3, width: 4, spread: 1);
        var scale = tensor(new[] { 1000f, 1, 0.001f, 5 });
        var moved = features * scale + 30 * scale;

        using var head = Fit(features, labels, 3);
        using var other = Fit(moved, labels, 3);

        Assert.True(head.ComputeLogits(features).allclose(other.ComputeLogits(moved), rtol: 1e-3, atol: 1e-3));
    }

    [Fact]
    public void A_constant_feature_gets_zero_weights()
    {
        var (features, labels) = CreateClusters(perClass: 20, classes: 2, width: 3, spread: 1);

        using var head = Fit(cat([features, full(features.shape[0], 1, 7)], 1), labels, 2);

        Assert.Equal(0, head.Weight[TensorIndex.Colon, 3].abs().max().item<float>());
        Assert.True(head.Weight.isfinite().all().item<bool>());
    }

    [Fact]
    public void A_class_weight_acts_like_more_images_of_the_class()
    {
        var labels = arange(200, ScalarType.Int64) % 2;
        var features = randn(200, 3) + labels.unsqueeze(1);
        using var weighted = Fit(features, labels, 2, [1, 3]);
        using var plain = Fit(features, labels, 2);
        using var balanced = Fit(cat([features, features[labels.eq(1)], features[labels.eq(1)]]), cat([labels, labels[labels.eq(1)], labels[labels.eq(1)]]), 2);

        Assert.True(ComputeShare(weighted) > ComputeShare(plain) + 0.05, $"{ComputeShare(weighted)} {ComputeShare(plain)} {ComputeShare(balanced)}");
        Assert.Equal(ComputeShare(balanced), ComputeShare(weighted), 0.05);

        double ComputeShare(LinearHead head) => head.ComputeLogits(features).argmax(1).to(ScalarType.Float64).mean().item<double>();
    }

    [Fact]
    public void Each_step_passes_on_its_logits_and_the_loss_falls()
    {
        var (features, labels) = CreateClusters(perClass: 20, classes: 4, width: 40, spread: 1);
        var losses = new List<double>();

        using var head = LinearHead.Fit(features, labels, 4, null, (number, head, logits) =>
        {
            Assert.Equal(losses.Count + 1, number);
            Assert.True(logits.allclose(head.ComputeLogits(features), rtol: 1e-3, atol: 1e-3));
            losses.Add(F.cross_entropy(logits, labels).item<float>());
        });

        Assert.Equal(LinearHead.Steps, losses.Count);
        Assert.True(losses[^1] < 0.1 * losses[0], $"{losses[0]} to {losses[^1]}");
    }

    [Fact]
    public void Cross_validation_classifies_each_image_with_a_head_that_has_not_seen_it()
    {
        // Random labels: a head that has seen them memorizes them, and one that has not can only guess.
        var features = randn(60, 200);
        var labels = randint(0, 2, 60, ScalarType.Int64);

        using var head = Fit(features, labels, 2);
        using var validation = CrossValidation.Run(features, labels, 2, null, CancellationToken.None);

        Assert.Equal(1, ComputeAccuracy(head.ComputeLogits(features), labels));
        Assert.InRange(ComputeAccuracy(validation.Logits, labels), 0.25, 0.75);
        Assert.Equal(validation.Accuracies[^1], ComputeAccuracy(validation.Logits, labels), 1e-9);
        Assert.Equal(validation.Losses[^1], F.cross_entropy(validation.Logits, labels).item<float>(), 1e-4);
    }

    [Fact]
    public void Cross_validation_succeeds_with_eight_separable_images_per_class()
    {
        var (features, labels) = CreateClusters(perClass: 8, classes: 2, width: 50, spread: 0.3);

        using var validation = CrossValidation.Run(features, labels, 2, null, CancellationToken.None);

        Assert.Equal(1, ComputeAccuracy(validation.Logits, labels));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Cross_validation_of_a_few_images_gives_logits_for_each(int perClass)
    {
        var (features, labels) = CreateClusters(perClass, classes: 2, width: 5, spread: 0.1);

        using var validation = CrossValidation.Run(features, labels, 2, null, CancellationToken.None);

        Assert.True(validation.Logits.isfinite().all().item<bool>());
        Assert.True(validation.Logits.abs().sum(1).gt(0).all().item<bool>(), string.Join(" ", validation.Logits.data<float>()));
    }

    [Fact]
    public void Near_duplicates_of_one_class_are_found()
    {
        var features = randn(40, 64);
        var labels = arange(40, ScalarType.Int64) % 2;
        features[6] = features[2] + 0.1 * randn(64);
        features[9] = features[20] + 0.1 * randn(64); // of another class
        var found = NearDuplicates.Find(features, labels, features, labels, same: true);

        Assert.Equal([(2, 6), (6, 2)], found.Order());
        Assert.Equal([(0, 6)], NearDuplicates.Find(features[2..3], labels[2..3], features[3..], labels[3..], same: false).Select(pair => (pair.Image, pair.Other + 3)));
    }

    private static LinearHead Fit(Tensor features, Tensor labels, int classes, double[]? classWeights = null) =>
        LinearHead.Fit(features, labels, classes, classWeights, (_, _, _) => { });

    private static double ComputeAccuracy(Tensor logits, Tensor labels) => logits.argmax(1).eq(labels).to(ScalarType.Float64).mean().item<double>();

    private static (Tensor Features, Tensor Labels) CreateClusters(int perClass, int classes, int width, double spread)
    {
        var labels = arange(classes, ScalarType.Int64).repeat_interleave(perClass);
        return (3 * randn(classes, width)[labels] + spread * randn(classes * perClass, width), labels);
    }
}
