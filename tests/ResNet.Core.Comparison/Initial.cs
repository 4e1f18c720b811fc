using System.Security.Cryptography;
using static TorchSharp.torch;

namespace ResNet.Core.Comparison;

/// <summary>Finds the networks that are torchvision's, and those that have torchvision's initial weights.</summary>
internal static class Initial
{
    private const int Seed = 1;

    private static readonly Dictionary<string, (string Name, string Shape, string Hash)[]> torchvision = Child.RunTorchvision("initial", $"{Seed}")
        .Select(line => line.Split(' ')).GroupBy(parts => parts[0]).ToDictionary(group => group.Key, group => group.Select(parts => (parts[1], parts[2], parts[3])).ToArray());

    /// <summary>Returns the residual networks whose tensors have torchvision's names and shapes, and those of them whose initial values are also torchvision's, bit for bit.</summary>
    /// <param name="names">The names of the library's networks.</param>
    /// <param name="make">Makes a network, given its name and the number of classes.</param>
    public static (string[] SameShapes, string[] SameValues) Compare(IEnumerable<string> names, Func<string, int, nn.Module<Tensor, Tensor>> make)
    {
        List<string> shapes = [], values = [];
        foreach (var name in torchvision.Keys.Intersect(names))
        {
            manual_seed(Seed);
            using var network = make(name, 1000);
            var state = network.state_dict().ToDictionary(entry => entry.Key.Replace(".shortcut.", ".downsample.", StringComparison.Ordinal), entry => entry.Value);
            if (!torchvision[name].All(tensor => state.TryGetValue(tensor.Name, out var ours) && string.Join('x', ours.shape) == tensor.Shape) || state.Count != torchvision[name].Length)
                continue;
            shapes.Add(name);
            if (torchvision[name].All(tensor => Convert.ToHexStringLower(SHA256.HashData(state[tensor.Name].bytes)) == tensor.Hash))
                values.Add(name);
        }
        return ([.. shapes], [.. values]);
    }

    public static int Count => torchvision.Count;
}
