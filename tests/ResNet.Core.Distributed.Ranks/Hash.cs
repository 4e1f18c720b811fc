using System.Security.Cryptography;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

/// <summary>Computes a short text that identifies the bits of many tensors.</summary>
internal static class Hash
{
    public static string Compute(IEnumerable<Tensor?> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var scope = NewDisposeScope();
        foreach (var tensor in tensors)
            hash.AppendData(tensor is null ? [0xFF] : tensor.detach().contiguous().bytes.ToArray());
        return Convert.ToHexString(hash.GetHashAndReset())[..16];
    }

    public static string ComputeForWeights(nn.Module module) => Compute(module.parameters());

    public static string ComputeForGradients(nn.Module module) => Compute(module.parameters().Select(parameter => parameter.grad));

    public static string ComputeForBuffers(nn.Module module) => Compute(module.buffers());
}
