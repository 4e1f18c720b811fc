using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>In how many bits convolutions and matrix products take their operands in training.</summary>
internal enum Precision
{
    Fp32,
    Bf16,
}

internal static class PrecisionExtensions
{
    /// <summary>Holds for what is computed on this thread until it is disposed; null where nothing changes.</summary>
    public static Autocast? Begin(this Precision precision, Device device) => precision == Precision.Bf16 ? new Autocast(device.type, ScalarType.BFloat16) : null;
}
