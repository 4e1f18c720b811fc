using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// Where in an image a network sees a class (<see href="https://arxiv.org/abs/1512.04150">Zhou et al., 2015</see>). The classifier is linear and takes the
/// mean of each feature over the places of the image, so that each place has its share of a class's logit, and nothing is left over.
/// </summary>
internal static class ClassActivationMap
{
    /// <summary>
    /// What the network would say of an image that is everywhere as it is at one place: the logit of each class, less the mean of all
    /// classes, since what speaks for all of them alike decides nothing.
    /// </summary>
    /// <param name="model">In evaluation mode.</param>
    /// <param name="images">Shape (N, 3, H, W), on the model's device.</param>
    /// <returns>Shape (N, classes, H', W'). The mean of a map is the class's logit, less the mean of all classes. The caller owns it.</returns>
    public static Tensor Compute(ResidualNetwork model, Tensor images)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (weight, bias) = (model.fc.weight!, model.fc.bias!);
        var maps = Compute(model.forward_features(images), weight - weight.mean([0], keepdim: true)) + (bias - bias.mean()).reshape(1, -1, 1, 1);
        return maps.MoveToOuterDisposeScope();
    }

    /// <summary>The shares alone: the mean of a class's map, plus the class's bias, is its logit.</summary>
    /// <param name="features">Shape (N, C, H', W').</param>
    /// <param name="weight">Shape (classes, C).</param>
    /// <returns>Shape (N, classes, H', W').</returns>
    public static Tensor Compute(Tensor features, Tensor weight) => einsum("kc,nchw->nkhw", weight, features);
}
