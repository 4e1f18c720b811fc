using ResNet.Core;
using ResNet.Core.Distributed;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train;

/// <summary>A network and its optimizer, stochastic gradient descent with Nesterov momentum, and one step of it.</summary>
/// <param name="model">On the device.</param>
/// <param name="recipe">The optimizer's numbers.</param>
/// <param name="precision">Of the forward pass, and so of the backward pass.</param>
/// <param name="device">Where the network is.</param>
/// <param name="classWeights">What an image of each class counts; null is 1.</param>
/// <param name="ranks">With whom it learns: each step is then that of all their batches. Null is nobody.</param>
internal sealed class Learner(ResidualNetwork model, Recipe recipe, Precision precision, Device device, double[]? classWeights = null, Ranks? ranks = null) : IDisposable
{
    private const double Momentum = 0.9;

    private readonly DistributedDataParallel? _parallel = ranks?.Wrap(model);
    private readonly Tensor? _classWeights = classWeights is null ? null : tensor(classWeights, ScalarType.Float32, device);

    public SGD Optimizer { get; } = MakeOptimizer(model, recipe);

    /// <summary>For float16, whose range is small. Otherwise it does the optimizer's steps and nothing else.</summary>
    public GradScaler Scaler { get; } = new(enabled: precision == Precision.Fp16);

    /// <returns>The batch's mean loss, and how many of its pictures the network knew, both before the step.</returns>
    public (double Loss, long Correct) Step(Batch batch, double learningRate)
    {
        foreach (var group in Optimizer.ParamGroups)
            group.LearningRate = learningRate;

        // Frees every tensor of the step; what remains are the weights, their gradients and the optimizer's momentum.
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
            // The ranks' gradients are averaged: with this weight for each, they become the gradient of the mean over all images.
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

    /// <summary>Weight decay is for what multiplies its input: biases, and the scales of normalisations, need not be small.</summary>
    private static FusedSGD MakeOptimizer(ResidualNetwork model, Recipe recipe)
    {
        var parameters = model.parameters().ToLookup(parameter => parameter.dim() > 1);
        return new FusedSGD([Group(parameters[true], recipe.WeightDecay), Group(parameters[false], 0)], recipe.LearningRate);

        SGD.ParamGroup Group(IEnumerable<Parameter> members, double decay) =>
            new(members.ToList(), recipe.LearningRate, momentum: Momentum, weight_decay: decay, nesterov: true);
    }
}
