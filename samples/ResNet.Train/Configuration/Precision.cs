using ResNet.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>The type of the operands of convolutions and matrix products in training.</summary>
internal enum Precision
{
    /// <summary>Resolved by <see cref="AutoPrecision"/>. A training run's folder keeps the result.</summary>
    Auto,
    Fp32,
    Bf16,
    Fp16,
}

internal static class PrecisionExtensions
{
    /// <summary>Starts autocasting on this thread, until the result is disposed. Does nothing for Fp32.</summary>
    public static Autocast Begin(this Precision precision, Device device) => precision switch
    {
        Precision.Fp32 => default,
        Precision.Bf16 => new Autocast(device.type, ScalarType.BFloat16),
        Precision.Fp16 => new Autocast(device.type, ScalarType.Float16),
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "Expected a resolved precision."),
    };

    /// <returns>The type for computing features: bfloat16 on processors with native support.</returns>
    public static ScalarType ChooseFeatureType(this Precision precision, Device device) =>
        precision == Precision.Bf16 && device.type == DeviceType.CPU && BFloat16.IsNative(device) ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <returns>A warning about this precision on this device; null if there is none.</returns>
    public static string? FindRemark(this Precision precision, Device device) => precision switch
    {
        Precision.Fp16 when device.type == DeviceType.CPU => "--precision Fp16 is for GPUs: on a CPU it takes many times as long as Fp32",
        Precision.Bf16 when !BFloat16.IsNative(device) => $"--precision Bf16 is for CPUs with bfloat16 instructions and for newer GPUs: {device} has no such instructions and may take longer than with Fp32",
        _ => null,
    };
}
