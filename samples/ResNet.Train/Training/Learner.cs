using ResNet.Core;
using ResNet.Core.Distributed;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train;

/// <summary>Runs training steps: a network with its optimizer, stochastic gradient descent with Nesterov momentum.</summary>
/// <param name="model">The network, on the device.</param>
/// <param name="recipe">The recipe, with the optimizer's numbers.</param>
/// <param name="precision">The precision of the forward pass, and so of the backward pass.</param>
/// <param name="device">The network's device.</param>
/// <param name="classWeights">The weight of an image of each class; null is 1.</param>
/// <param name="ranks">The ranks that train together: each step then covers the batches of all. Null is a single process.</param>
internal sealed class Learner(ResidualNetwork model, Recipe recipe, Precision precision, Device device, double[]? classWeights = null, Ranks? ranks = null) : IDisposable
{
    private const double Momentum = 0.9;

    private readonly DistributedDataParallel? _parallel = ranks?.Wrap(model);
    private readonly Tensor? _classWeights = classWeights is null ? null : tensor(classWeights, ScalarType.Float32, device);

    public SGD Optimizer { get; } = MakeOptimizer(model, recipe);

    /// <summary>Scales the loss for float16's small range. In other precisions it only steps the optimizer.</summary>
    public GradScaler Scaler { get; } = new(enabled: precision == Precision.Fp16);

    /// <returns>The batch's mean loss and the number of correct predictions, both before the step.</returns>
    public (double Loss, long Correct) Step(Batch batch, double learningRate)
    {
        foreach (var group in Optimizer.ParamGroups)
            group.LearningRate = learningRate;

        // Frees every tensor of the step except the weights, their gradients and the optimizer's momentum.
        using var scope = NewDisposeScope();

        var labels = batch.Labels.to(device);
        Tensor logits, loss;
        using (precision.Begin(device))
        {
            logits = _parallel is null ? model.call(batch.To(device)) : _parallel.call(batch.To(device));
            loss = F.cross_entropy(logits, labels, weight: _classWeights, label_smoothing: recipe.LabelSmoothing);
        }
        Optimizer.zero_grad();
        if (_parallel is null)
        {
            Scaler.scale(loss).backward();
        }
        else
        {
            // The ranks' gradients are averaged. This weight turns the average into the gradient of the mean over all images.
            Scaler.scale(loss * (batch.Weight * ranks!.Count)).backward();
            _parallel.synchronize();
        }
        Scaler.step(Optimizer);
        Scaler.update();
        return (loss.item<float>(), logits.argmax(1).eq(labels).sum().item<long>());
    }

    public void Dispose()
    {
        _parallel?.Dispose();
        Optimizer.Dispose();
        _classWeights?.Dispose();
    }

    /// <summary>Applies weight decay only to weights of convolutions and linear layers: biases and batch norms need not be small.</summary>
    private static FusedSGD MakeOptimizer(ResidualNetwork model, Recipe recipe)
    {
        var parameters = model.parameters().ToLookup(parameter => parameter.dim() > 1);
        return new FusedSGD([CreateGroup(parameters[true], recipe.WeightDecay), CreateGroup(parameters[false], 0)], recipe.LearningRate);

        SGD.ParamGroup CreateGroup(IEnumerable<Parameter> members, double decay) =>
            new(members.ToList(), recipe.LearningRate, momentum: Momentum, weight_decay: decay, nesterov: true);
    }
}
