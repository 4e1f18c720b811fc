namespace ResNet.Train;

/// <summary>The engine that computes predictions.</summary>
internal enum Engine
{
    /// <summary>libtorch, through TorchSharp.</summary>
    Torch,

    /// <summary>ONNX Runtime, on the CPU.</summary>
    Onnx,
}
