using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// Class activation maps: where in an image a network sees a class (<see href="https://arxiv.org/abs/1512.04150">Zhou et al., 2015</see>). The classifier is linear and
/// takes the mean of each feature over all positions, so a class's logit is exactly the sum of the positions' contributions.
/// </summary>
internal static class ClassActivationMap
{
    /// <summary>
    /// Computes, for each position, the logits of an image that looks everywhere as it does there, minus their mean over all
    /// classes, because evidence for all classes alike decides nothing.
    /// </summary>
    /// <param name="model">The network, in evaluation mode.</param>
    /// <param name="images">The images, shape (N, 3, H, W), on the model's device.</param>
    /// <returns>The maps, shape (N, classes, H', W'). The mean of a map is the class's logit minus the mean over all classes. The caller owns them.</returns>
    public static Tensor Compute(ResidualNetwork model, Tensor images)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (weight, bias) = (model.fc.weight!, model.fc.bias!);
        var maps = Compute(model.forward_features(images), weight - weight.mean([0], keepdim: true)) + (bias - bias.mean()).reshape(1, -1, 1, 1);
        return maps.MoveToOuterDisposeScope();
    }

    /// <summary>Computes the contributions alone: the mean of a class's map plus the class's bias is its logit.</summary>
    /// <param name="features">The features, shape (N, C, H', W').</param>
    /// <param name="weight">The classifier's weights, shape (classes, C).</param>
    /// <returns>The maps, shape (N, classes, H', W').</returns>
    public static Tensor Compute(Tensor features, Tensor weight) => einsum("kc,nchw->nkhw", weight, features);
}
