using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

/// <summary>The files with trained networks to compare with, which other programs have written.</summary>
internal static class References
{
    public static string GetEmulationName(int ranks, ScalarType type) => $"emulation-{ranks}-{type}.safetensors";

    public static string GetGlooName(int ranks) => $"gloo-{ranks}.pth";

    /// <summary>Reads the weights and buffers in a file.</summary>
    public static IReadOnlyList<Tensor> Read(string path, ScalarType type)
    {
        var network = new ResNet18(Images.Classes, dtype: type);
        Checkpoint.Load(network, path);
        return [.. network.state_dict().Values];
    }
}
