namespace ResNet.Core;

/// <summary>The first layers of a <see cref="ResidualNetwork"/>, which determine how much the image is reduced before the residual blocks.</summary>
public enum Stem
{
    /// <summary>
    /// A 7x7 convolution with stride 2: the network of the mirrored PyTorch code. The whole network reduces height and width by 16.
    /// </summary>
    Conv7,

    /// <summary>
    /// <see cref="Conv7"/> followed by 3x3 max-pooling with stride 2: the ImageNet network of the paper (Table 1) and of torchvision, whose weights need it.
    /// The whole network reduces height and width by 32.
    /// </summary>
    Conv7MaxPool,

    /// <summary>
    /// A 3x3 convolution with stride 1, for images of about 32x32, as in the paper's CIFAR-10 networks
    /// (section 4.2). The whole network reduces height and width by 8.
    /// </summary>
    Conv3,
}
