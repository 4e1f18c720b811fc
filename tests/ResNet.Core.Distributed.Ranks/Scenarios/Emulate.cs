using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Writes the emulated trainings that <see cref="Parity"/> compares with. One process does it for both launchers.</summary>
internal static class Emulate
{
    public static int Run(string folder)
    {
        foreach (var (ranks, type) in new[] { (2, ScalarType.Float64), (4, ScalarType.Float64), (2, ScalarType.Float32) })
        {
            using var scope = NewDisposeScope();
            var network = Training.CreateNetwork(Training.Seed, type);
            Emulation.Train(network, ranks, type);
            Checkpoint.Save(network, Path.Combine(folder, References.GetEmulationName(ranks, type)));
        }
        return 0;
    }
}
