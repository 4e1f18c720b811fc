using ResNet.Core;

namespace ResNet.Train;

/// <summary>The user's choice of a network for features.</summary>
/// <param name="Trained">A training run's folder, or a weights file in it; null is a network with other weights.</param>
/// <param name="Weights">One of <see cref="WeightsSource.Published"/>, or a file; null is ImageNet's.</param>
/// <param name="Architecture">The architecture for <paramref name="Weights"/>; null is a ResNet-18.</param>
/// <param name="Device">The device's name.</param>
internal sealed record FeatureNetwork(string? Trained, string? Weights, Architecture? Architecture, string Device)
{
    /// <param name="screen">Shows the progress of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserException">There is no such network.</exception>
    public FeatureExtractor Load(Screen screen, CancellationToken cancellation)
    {
        var device = Devices.Find(Device);
        if (Trained is null)
            return LoadWeights(device, screen, cancellation);
        if (Weights is not null || Architecture is not null)
            throw new UserException($"--model: expected no {(Weights is not null ? "--weights" : "--arch")} beside it, because a training run has its own");
        var (network, model) = ModelConfig.Load(Trained, device);
        using (model)
            return new FeatureExtractor(model, network, device);
    }

    /// <summary>Uses ImageNet's preprocessing, unless the weights are known to need another normalization.</summary>
    private FeatureExtractor LoadWeights(TorchSharp.torch.Device device, Screen screen, CancellationToken cancellation)
    {
        var (architecture, weights, photographs) = (Architecture ?? Train.Architecture.resnet18, WeightsSource.Parse(Weights ?? WeightsSource.ImageNet), Recipe.Photographs);
        if (!WeightsSource.IsPublished(weights) && File.Exists(Path.Combine(ModelConfig.FindFolder(weights), ModelConfig.FileName)))
            throw new UserException($"--weights: expected weights outside a training run, got '{weights}' beside a {ModelConfig.FileName}; use --model for a training run");
        using var model = architecture.Create(classes: 1, Stem.Conv7MaxPool, device);
        var start = StartingWeights.Load(model, architecture, weights, screen, cancellation);
        if (start.StemMismatch is { } mismatch)
            throw new UserException($"--weights: expected weights of a network with the stem {Stem.Conv7MaxPool}, got '{weights}', which is for another stem: {mismatch}");
        var network = new ModelConfig(Stem.Conv7MaxPool, photographs.Size, photographs.CropRatio, Grayscale: false, start.Normalization ?? Normalization.ImageNet, Classes: [], architecture);
        return new FeatureExtractor(model, network, device);
    }
}
