using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>What the program leaves, and how far apart it is.</summary>
internal static class Network
{
    /// <summary>With the weights of a file, which has to have all of them and no others.</summary>
    public static ResNet18 Of(string path)
    {
        var model = new ResNet18(10);
        Checkpoint.Load(model, path, strict: true);
        return model;
    }

    /// <summary>The largest difference of two numbers in the same place, 0 where all are equal.</summary>
    public static double Distance(IEnumerable<Tensor> a, IEnumerable<Tensor> b)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return a.Zip(b).Max(pair => (pair.First - pair.Second).abs().max().to(ScalarType.Float64).item<double>());
    }
}
