using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Writes what <see cref="Parity"/> compares with: one process for both launchers.</summary>
internal static class Emulate
{
    public static int Run(string folder)
    {
        foreach (var (ranks, type) in new[] { (2, ScalarType.Float64), (4, ScalarType.Float64), (2, ScalarType.Float32) })
        {
            using var scope = NewDisposeScope();
            var network = Training.Network(Training.Seed, type);
            Emulation.Train(network, ranks, type);
            Checkpoint.Save(network, Path.Combine(folder, References.Emulation(ranks, type)));
        }
        return 0;
    }
}
