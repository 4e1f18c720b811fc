using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace ResNet.Core.Family;

/// <summary>The properties of a network that its tensors do not show. Two networks with the same tensors can differ in them, and give different outputs.</summary>
/// <param name="Stem">The first layers.</param>
/// <param name="Epsilon">The eps of the batch norms; null if they differ.</param>
internal sealed partial record NetworkDescription(Stem Stem, double? Epsilon)
{
    /// <summary>The stem of torchvision's networks.</summary>
    public const Stem Torchvision = Stem.Conv7MaxPool;

    /// <summary>Height and width of the first convolution in torchvision's stem.</summary>
    public const long TorchvisionKernelSize = 7;

    /// <summary>The name of the first convolution's weights, whose kernel size hints at the stem.</summary>
    public const string FirstConvolution = "conv1.weight";

    /// <summary>The start of the names of the classifier's tensors.</summary>
    public const string ClassifierPrefix = "fc.";

    /// <summary>The name of the classifier's weights, which have a row for each class.</summary>
    public const string Classifier = $"{ClassifierPrefix}weight";

    /// <summary>
    /// Counts the layers of a network as the paper does: the convolutions in the blocks without the shortcuts, plus the first convolution and the classifier.
    /// Null if there are no blocks.
    /// </summary>
    /// <param name="names">The names of the network's tensors.</param>
    public static int? CountLayers(IEnumerable<string> names) => names.Count(name => GetBlockConvolutionRegex().IsMatch(name)) is > 0 and var convolutions ? convolutions + 2 : null;

    /// <summary>Describes a module; null if it is not one of this library's networks.</summary>
    public static NetworkDescription? FromModule(nn.Module module) => module is ResidualNetwork network ? new(network.Stem, FindEpsilon(network)) : null;

    private static double? FindEpsilon(ResidualNetwork network) => network.GetBatchNorms().Select(norm => norm.eps).Distinct().Take(2).ToArray() is [var one] ? one : null;

    [GeneratedRegex(@"^layer[1-4]\.[0-9]+\.conv[0-9]+\.weight\z", RegexOptions.CultureInvariant)]
    private static partial Regex GetBlockConvolutionRegex();
}
