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
    public void It_minimizes_the_penalized_loss_of_standardized_features()
    {
        var (features, labels) = Clusters(perClass: 30, classes: 3, width: 5, spread: 2);

        using var head = Fit(features, labels, 3);

        // No other head, however near, is better.
        var least = Objective(head.Weight, head.Bias);
        for (var i = 0; i < 20; i++)
            Assert.True(least < Objective(head.Weight + 0.03 * randn_like(head.Weight), head.Bias + 0.03 * randn_like(head.Bias)));

        double Objective(Tensor weight, Tensor bias)
        {
            var standardized = weight * features.std(0, unbiased: false);
            return (F.cross_entropy(F.linear(features, weight, bias), labels) + 0.01 / 2 * standardized.square().sum()).item<float>();
        }
    }

    [Fact]
    public void Features_of_any_scale_and_offset_give_the_same_answers()
    {
        var (features, labels) = Clusters(perClass: 20, classes: 3, width: 4, spread: 1);
        var scale = tensor(new[] { 1000f, 1, 0.001f, 5 });
        var moved = features * scale + 30 * scale;

        using var head = Fit(features, labels, 3);
        using var other = Fit(moved, labels, 3);

        Assert.True(head.ComputeLogits(features).allclose(other.ComputeLogits(moved), rtol: 1e-3, atol: 1e-3));
    }

    [Fact]
    public void A_feature_that_never_changes_counts_nothing()
    {
        var (features, labels) = Clusters(perClass: 20, classes: 2, width: 3, spread: 1);

        using var head = Fit(cat([features, full(features.shape[0], 1, 7)], 1), labels, 2);

        Assert.Equal(0, head.Weight[TensorIndex.Colon, 3].abs().max().item<float>());
        Assert.True(head.Weight.isfinite().all().item<bool>());
    }

    [Fact]
    public void Weights_of_classes_do_what_more_images_of_them_would()
    {
        var labels = arange(200, ScalarType.Int64) % 2;
        var features = randn(200, 3) + labels.unsqueeze(1);
        using var weighted = Fit(features, labels, 2, [1, 3]);
        using var plain = Fit(features, labels, 2);
        using var balanced = Fit(cat([features, features[labels.eq(1)], features[labels.eq(1)]]), cat([labels, labels[labels.eq(1)], labels[labels.eq(1)]]), 2);

        Assert.True(Share(weighted) > Share(plain) + 0.05, $"{Share(weighted)} {Share(plain)} {Share(balanced)}");
        Assert.Equal(Share(balanced), Share(weighted), 0.05);

        double Share(LinearHead head) => head.ComputeLogits(features).argmax(1).to(ScalarType.Float64).mean().item<double>();
    }

    [Fact]
    public void Each_step_lowers_the_loss_in_the_end()
    {
        var (features, labels) = Clusters(perClass: 20, classes: 4, width: 40, spread: 1);
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
    public void Cross_validation_classifies_each_image_by_a_head_that_had_not_seen_it()
    {
        // Labels that nothing tells: who has seen them knows them by heart, who has not guesses.
        var features = randn(60, 200);
        var labels = randint(0, 2, 60, ScalarType.Int64);

        using var head = Fit(features, labels, 2);
        using var crossed = CrossValidation.Run(features, labels, 2, null, CancellationToken.None);

        Assert.Equal(1, Accuracy(head.ComputeLogits(features), labels));
        Assert.InRange(Accuracy(crossed.Logits, labels), 0.25, 0.75);
        Assert.Equal(crossed.Accuracies[^1], Accuracy(crossed.Logits, labels), 1e-9);
        Assert.Equal(crossed.Losses[^1], F.cross_entropy(crossed.Logits, labels).item<float>(), 1e-4);
    }

    [Fact]
    public void Cross_validation_of_what_can_be_learned_succeeds_with_eight_images_a_class()
    {
        var (features, labels) = Clusters(perClass: 8, classes: 2, width: 50, spread: 0.3);

        using var crossed = CrossValidation.Run(features, labels, 2, null, CancellationToken.None);

        Assert.Equal(1, Accuracy(crossed.Logits, labels));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Cross_validation_of_a_few_images_has_an_answer_for_each(int perClass)
    {
        var (features, labels) = Clusters(perClass, classes: 2, width: 5, spread: 0.1);

        using var crossed = CrossValidation.Run(features, labels, 2, null, CancellationToken.None);

        Assert.True(crossed.Logits.isfinite().all().item<bool>());
        Assert.True(crossed.Logits.abs().sum(1).gt(0).all().item<bool>(), string.Join(" ", crossed.Logits.data<float>()));
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

    private static double Accuracy(Tensor logits, Tensor labels) => logits.argmax(1).eq(labels).to(ScalarType.Float64).mean().item<double>();

    private static (Tensor Features, Tensor Labels) Clusters(int perClass, int classes, int width, double spread)
    {
        var labels = arange(classes, ScalarType.Int64).repeat_interleave(perClass);
        return (3 * randn(classes, width)[labels] + spread * randn(classes * perClass, width), labels);
    }
}
