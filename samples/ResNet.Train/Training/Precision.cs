using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>In how many bits convolutions and matrix products take their operands in training.</summary>
internal enum Precision
{
    /// <summary>What <see cref="AutoPrecision"/> decides. A training's folder has what that was.</summary>
    Auto,
    Fp32,
    Bf16,
    Fp16,
}

internal static class PrecisionExtensions
{
    /// <summary>Holds for what is computed on this thread until it is disposed. With Fp32 nothing changes.</summary>
    public static Autocast Begin(this Precision precision, Device device) => precision switch
    {
        Precision.Fp32 => default,
        Precision.Bf16 => new Autocast(device.type, ScalarType.BFloat16),
        Precision.Fp16 => new Autocast(device.type, ScalarType.Float16),
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "Expected one that is decided."),
    };

    /// <summary>In which features are computed: bfloat16 on processors that have it.</summary>
    public static ScalarType OfFeatures(this Precision precision, Device device) =>
        precision == Precision.Bf16 && device.type == DeviceType.CPU && BFloat16.IsNative(device) ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <summary>What is to be known before it begins, if anything.</summary>
    public static string? Remark(this Precision precision, Device device) => precision switch
    {
        Precision.Fp16 when device.type == DeviceType.CPU => "--precision Fp16 is for GPUs: a processor takes many times as long as with Fp32",
        Precision.Bf16 when !BFloat16.IsNative(device) => $"--precision Bf16 is for processors with bfloat16 instructions and newer GPUs: {device} has none and may take longer than with Fp32",
        _ => null,
    };
}
