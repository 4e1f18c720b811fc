using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>A convolution for an input of a known or of any size.</summary>
/// <param name="Convolution">The convolution. Its weights may be disposed.</param>
/// <param name="Input">The input.</param>
internal sealed record OneDnnConvolution(FoldedConvolution Convolution, FeatureMap Input)
{
    private const long EnoughImages = 4; // with fewer images, reading the matrix costs more than it saves

    public FeatureMap Output => Input.ApplyWindow(Convolution.Kernel, Convolution.Stride, Convolution.Padding);

    public (Taps Rows, Taps Columns) Taps => Input.FindTaps(Convolution);

    /// <summary>
    /// Whether to compute the convolution as one matrix product with a row per image: for several images so small that every output depends on every pixel, such as 3x3 on
    /// 2x2. oneDNN's convolution processes them image by image and takes several times as long.
    /// </summary>
    public bool IsMatrix => Input.Size is { } size && size.Images >= EnoughImages && Convolution.Groups == 1 &&
        AllMeet(size.Height, Output.Size!.Value.Height) && AllMeet(size.Width, Output.Size!.Value.Width);

    /// <summary>Creates the matrix, in the form of 1x1 convolution weights.</summary>
    /// <param name="weight">The weights of the convolution.</param>
    public Tensor ToMatrix(Tensor weight)
    {
        var (size, output) = (Input.Size!.Value, Output.Size!.Value);
        var (to, from) = (output.Height * output.Width, size.Height * size.Width);
        var matrix = empty([to, Convolution.OutChannels, from, Convolution.InChannels], weight.dtype);
        for (var o = 0L; o < to; o++)
            for (var i = 0L; i < from; i++)
            {
                var row = i / size.Width - o / output.Width * Convolution.Stride + Convolution.Padding;
                var column = i % size.Width - o % output.Width * Convolution.Stride + Convolution.Padding;
                matrix[o, TensorIndex.Colon, i].copy_(weight[TensorIndex.Colon, TensorIndex.Colon, row, column]);
            }
        return matrix.view(to * Convolution.OutChannels, from * Convolution.InChannels, 1, 1);
    }

    private bool AllMeet(long pixels, long outputs) =>
        Convolution.Padding >= (outputs - 1) * Convolution.Stride && pixels - 1 + Convolution.Padding < Convolution.Kernel;
}
