using ResNet.Core;

namespace ResNet.Train;

/// <summary>Which network makes features, by what the user says.</summary>
/// <param name="Trained">A training's folder, or a file with weights in it; null is a network with other weights.</param>
/// <param name="Weights">One of <see cref="StartingWeights.Published"/>, or a file; null is ImageNet's.</param>
/// <param name="Architecture">Of the other weights; null is a ResNet-18.</param>
/// <param name="Device">Where it computes.</param>
internal sealed record FeatureNetwork(string? Trained, string? Weights, Architecture? Architecture, string Device)
{
    /// <param name="screen">Where the progress of a download is shown.</param>
    /// <param name="cancellation">Ends a download.</param>
    /// <exception cref="UserException">There is no such network.</exception>
    public FeatureExtractor Load(Screen screen, CancellationToken cancellation)
    {
        var device = Devices.Find(Device);
        if (Trained is null)
            return LoadWeights(device, screen, cancellation);
        if (Weights is not null || Architecture is not null)
            throw new UserException($"--model: expected no {(Weights is not null ? "--weights" : "--arch")} beside it, since a training has its own");
        var (network, model) = NetworkInfo.Load(Trained, device);
        using (model)
            return new FeatureExtractor(model, network, device);
    }

    /// <summary>As ImageNet's images are given to such a network, unless something else is known of the weights.</summary>
    private FeatureExtractor LoadWeights(TorchSharp.torch.Device device, Screen screen, CancellationToken cancellation)
    {
        var (architecture, weights, photographs) = (Architecture ?? Train.Architecture.resnet18, StartingWeights.Find(Weights ?? "imagenet"), Recipe.Photographs);
        if (!StartingWeights.IsPublished(weights) && File.Exists(Path.Combine(NetworkInfo.FolderOf(weights), NetworkInfo.FileName)))
            throw new UserException($"--weights: expected weights that are no training's, got '{weights}', beside which is {NetworkInfo.FileName}; --model takes a training's");
        using var model = architecture.Create(classes: 1, Stem.Conv7MaxPool, device);
        var start = StartingWeights.Load(model, architecture, weights, screen, cancellation);
        if (start.StemMismatch is { } mismatch)
            throw new UserException($"--weights: expected those of a network with the stem {Stem.Conv7MaxPool}, got '{weights}', which is for another one: {mismatch}");
        var network = new NetworkInfo(Stem.Conv7MaxPool, photographs.Size, photographs.Frame, Grey: false, start.Normalisation ?? Normalisation.ImageNet, Classes: [], architecture);
        return new FeatureExtractor(model, network, device);
    }
}
