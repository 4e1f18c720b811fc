using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>In how many bits convolutions and matrix products take their operands in training.</summary>
internal enum Precision
{
    Fp32,
    Bf16,
    Fp16,
}

internal static class PrecisionExtensions
{
    /// <summary>Holds for what is computed on this thread until it is disposed. With Fp32 nothing changes.</summary>
    public static Autocast Begin(this Precision precision, Device device) => precision switch
    {
        Precision.Bf16 => new Autocast(device.type, ScalarType.BFloat16),
        Precision.Fp16 => new Autocast(device.type, ScalarType.Float16),
        _ => default,
    };

    /// <summary>What is to be known before it begins, if anything.</summary>
    public static string? Remark(this Precision precision, Device device) =>
        precision == Precision.Fp16 && device.type == DeviceType.CPU ? "--precision Fp16 is for GPUs: a processor takes many times as long as with Fp32" : null;
}
