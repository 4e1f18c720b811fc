using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>Loads and compares weights that the program has written.</summary>
internal static class Network
{
    /// <summary>Loads a file that must have exactly the weights of a ResNet-18 with ten classes.</summary>
    public static ResNet18 Load(string path)
    {
        var model = new ResNet18(10);
        Checkpoint.Load(model, path, strict: true);
        return model;
    }

    /// <summary>Computes the largest difference between two numbers in the same place; 0 if all are equal.</summary>
    public static double ComputeDistance(IEnumerable<Tensor> a, IEnumerable<Tensor> b)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return a.Zip(b).Max(pair => (pair.First - pair.Second).abs().max().to(ScalarType.Float64).item<double>());
    }
}
