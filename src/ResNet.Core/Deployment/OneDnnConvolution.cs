using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>How a convolution is computed for an input of a known size, or of any.</summary>
/// <param name="Convolution">Its weights may be disposed.</param>
/// <param name="Input">To it.</param>
internal sealed record OneDnnConvolution(FoldedConvolution Convolution, FeatureMap Input)
{
    private const long EnoughImages = 4; // for fewer, the matrix costs more to read than it saves

    public FeatureMap Output => Input.Through(Convolution.Kernel, Convolution.Stride, Convolution.Padding);

    public (Taps Rows, Taps Columns) Taps => Input.Taps(Convolution);

    /// <summary>
    /// Whether it is one matrix product, in which an image's pixels are a row: for several images of a map so small that every output meets every
    /// pixel, such as 3x3 on 2x2. oneDNN's convolution computes image by image there, and takes several times as long.
    /// </summary>
    public bool IsMatrix => Input.Size is { } size && size.Images >= EnoughImages && Convolution.Groups == 1 &&
        AllMeet(size.Height, Output.Size!.Value.Height) && AllMeet(size.Width, Output.Size!.Value.Width);

    /// <summary>The matrix as the weights of a 1x1 convolution.</summary>
    /// <param name="weight">Of the convolution.</param>
    public Tensor Matrix(Tensor weight)
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
