using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

/// <summary>Trained networks that others have written.</summary>
internal static class References
{
    public static string Emulation(int ranks, ScalarType type) => $"emulation-{ranks}-{type}.safetensors";

    public static string Gloo(int ranks) => $"gloo-{ranks}.pth";

    /// <summary>The weights and buffers in a file.</summary>
    public static IReadOnlyList<Tensor> Read(string path, ScalarType type)
    {
        var network = new ResNet18(Images.Classes, dtype: type);
        Checkpoint.Load(network, path);
        return [.. network.state_dict().Values];
    }
}
