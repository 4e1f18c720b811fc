using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// A linear classifier on features, fitted by softmax regression: a convex problem with a single solution for any seed. The fit
/// uses standardized features, because the penalty treats all weights alike; the result takes the original features.
/// </summary>
/// <param name="Weight">The weights, shape (classes, features), float32.</param>
/// <param name="Bias">The biases, shape (classes), float32.</param>
internal sealed record LinearHead(Tensor Weight, Tensor Bias) : IDisposable
{
    /// <summary>The number of steps. Each uses all images, so it is an epoch.</summary>
    public const int Steps = 100;

    private const double Penalty = 0.01; // times half the squared weights; predictions hardly change between 0.001 and 0.1
    private const double LeastDeviation = 1e-6;

    /// <summary>Fits a head by Nesterov's accelerated gradient descent, with a step size derived from the features.</summary>
    /// <param name="features">The features, shape (N, features), float32, finite.</param>
    /// <param name="labels">The labels, shape (N), int64.</param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="classWeights">The weight of an image of each class; null is 1.</param>
    /// <param name="step">Called after each step with its number, from 1, the head, and the head's logits of the images.</param>
    public static LinearHead Fit(Tensor features, Tensor labels, int classes, double[]? classWeights, Action<int, LinearHead, Tensor> step)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (count, width) = (features.shape[0], features.shape[1]);
        var mean = features.mean([0], type: ScalarType.Float64);
        var deviation = (features.to(ScalarType.Float64) - mean).square().mean([0]).sqrt();
        // A constant feature carries no information, and its weight stays 0.
        deviation = deviation.where(deviation > LeastDeviation, ones_like(deviation));
        var standardized = ((features - mean) / deviation).to(ScalarType.Float32);

        var targets = nn.functional.one_hot(labels, classes).to(ScalarType.Float32);
        var importance = classWeights is null ? ones(count) : tensor(classWeights, ScalarType.Float32)[labels];
        importance = (importance / importance.sum()).unsqueeze(1);
        // The loss's second derivative is bounded by half the features' second moment.
        var rate = 1 / (0.55 * Math.Max(1, FindLargestEigenvalue(standardized, importance)) + Penalty);

        var (weight, bias) = (zeros(width, classes), zeros(classes));
        var (aheadWeight, aheadBias) = (weight.clone(), bias.clone());
        for (var number = 1; number <= Steps; number++)
        {
            using var inner = NewDisposeScope();
            var error = ((matmul(standardized, aheadWeight) + aheadBias).softmax(1) - targets) * importance;
            var nextWeight = aheadWeight - rate * (matmul(standardized.t(), error) + Penalty * aheadWeight);
            // sum(0) would sum everything, as bytes: C# converts a literal 0 to ScalarType.
            var nextBias = aheadBias - rate * error.sum([0]);
            var momentum = (number - 1.0) / (number + 2);
            aheadWeight.copy_(nextWeight + momentum * (nextWeight - weight));
            aheadBias.copy_(nextBias + momentum * (nextBias - bias));
            weight.copy_(nextWeight);
            bias.copy_(nextBias);
            using var head = Unstandardize();
            step(number, head, matmul(standardized, weight) + bias);
        }
        var last = Unstandardize();
        return new LinearHead(last.Weight.MoveToOuterDisposeScope(), last.Bias.MoveToOuterDisposeScope());

        // Rewrites w · (x - mean) / deviation + b as a product with x and a bias
        LinearHead Unstandardize()
        {
            var own = weight / deviation.unsqueeze(1);
            return new LinearHead(own.t().to(ScalarType.Float32).contiguous(), (bias - matmul(mean, own)).to(ScalarType.Float32));
        }
    }

    /// <returns>The logits, shape (N, classes).</returns>
    public Tensor ComputeLogits(Tensor features) => nn.functional.linear(features, Weight, Bias);

    /// <summary>Finds the largest eigenvalue of the features' weighted second moment by power iteration.</summary>
    private static double FindLargestEigenvalue(Tensor features, Tensor importance)
    {
        using var scope = NewDisposeScope();
        var vector = ones(features.shape[1], 1);
        var value = 0.0;
        for (var i = 0; i < 30; i++)
        {
            var next = matmul(features.t(), matmul(features, vector) * importance);
            value = next.norm().item<float>();
            if (value == 0)
                return 0;
            vector = next / value;
        }
        return value;
    }

    public void Dispose()
    {
        Weight.Dispose();
        Bias.Dispose();
    }
}
