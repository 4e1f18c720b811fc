namespace ResNet.Train;

/// <summary>What computes a prediction.</summary>
internal enum Engine
{
    /// <summary>libtorch, through TorchSharp.</summary>
    Torch,

    /// <summary>ONNX Runtime, on the CPU.</summary>
    Onnx,
}
