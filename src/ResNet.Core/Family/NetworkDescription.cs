using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace ResNet.Core.Family;

/// <summary>What a network is beside its tensors: two with the same tensors can differ in it, and answer differently.</summary>
/// <param name="Stem">Its first layers.</param>
/// <param name="Epsilon">What its batch norms add to the variance; null where they differ in it.</param>
internal sealed partial record NetworkDescription(Stem Stem, double? Epsilon)
{
    /// <summary>The stem of the networks whose weights are published under torchvision's names.</summary>
    public const Stem Torchvision = Stem.Conv7MaxPool;

    /// <summary>Height and width of the first convolution in that stem.</summary>
    public const long TorchvisionsKernel = 7;

    /// <summary>The tensor by whose kernel stems can be told apart, or not.</summary>
    public const string FirstConvolution = "conv1.weight";

    /// <summary>The tensor that has a row for each class.</summary>
    public const string Classifier = "fc.weight";

    /// <summary>How many layers a network has as the paper counts them: the convolutions in its blocks, without the shortcuts', and two, the first and the classifier. Null where it has no blocks.</summary>
    /// <param name="names">Of its tensors.</param>
    public static int? Depth(IEnumerable<string> names) => names.Count(name => BlocksConvolution().IsMatch(name)) is > 0 and var convolutions ? convolutions + 2 : null;

    /// <summary>Null where the module is none of this library's networks.</summary>
    public static NetworkDescription? Of(nn.Module module) => module is ResidualNetwork network ? new(network.Stem, OneEpsilon(network)) : null;

    private static double? OneEpsilon(ResidualNetwork network) => network.BatchNorms().Select(norm => norm.eps).Distinct().Take(2).ToArray() is [var one] ? one : null;

    [GeneratedRegex(@"^layer[1-4]\.[0-9]+\.conv[0-9]+\.weight\z", RegexOptions.CultureInvariant)]
    private static partial Regex BlocksConvolution();
}
