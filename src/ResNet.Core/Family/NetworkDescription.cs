using static TorchSharp.torch;

namespace ResNet.Core.Family;

/// <summary>What a network is beside its tensors: two with the same tensors can differ in it, and answer differently.</summary>
internal sealed record NetworkDescription(Stem Stem)
{
    /// <summary>The stem of the networks whose weights are published under torchvision's names.</summary>
    public const Stem Torchvision = Stem.Conv7MaxPool;

    /// <summary>Height and width of the first convolution in that stem.</summary>
    public const long TorchvisionsKernel = 7;

    /// <summary>The tensor by whose kernel stems can be told apart, or not.</summary>
    public const string FirstConvolution = "conv1.weight";

    /// <summary>The tensor that has a row for each class.</summary>
    public const string Classifier = "fc.weight";

    /// <summary>Null where the module is none of this library's networks.</summary>
    public static NetworkDescription? Of(nn.Module module) => module is ResidualNetwork network ? new(network.Stem) : null;
}
