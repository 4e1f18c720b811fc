namespace ResNet.Core;

/// <summary>The first layers of a <see cref="ResidualNetwork"/>, which decide how far it reduces the image before the residual blocks.</summary>
public enum Stem
{
    /// <summary>
    /// A 7x7 convolution with stride 2: the network of the mirrored PyTorch code. Reduces height and width by 16 in all.
    /// </summary>
    Conv7,

    /// <summary>
    /// The same followed by 3x3 max-pooling with stride 2: the ImageNet network of the paper (Table 1) and of
    /// torchvision, whose weights need it. Reduces height and width by 32 in all.
    /// </summary>
    Conv7MaxPool,

    /// <summary>
    /// A 3x3 convolution with stride 1, for images of about 32x32, as in the paper's CIFAR-10 networks
    /// (section 4.2). Reduces height and width by 8 in all.
    /// </summary>
    Conv3,
}
