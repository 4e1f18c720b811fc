using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>Resolves <see cref="Precision.Auto"/>: bfloat16 and channels-last where that is faster, else float32.</summary>
internal static class AutoPrecision
{
    /// <summary>
    /// The least number of pixels in a training step's images for bfloat16. At this size, such as 64 images of 16x16, a step of a ResNet-18 takes 0.85 of its time in float32, and
    /// larger steps gain more. At half the size it is hardly faster, because every step also converts the weights.
    /// </summary>
    private const int LeastPixels = 16_384;

    /// <summary>Whether the device has native bfloat16 for the training. Training the head alone only computes features, which a GPU computes in float32.</summary>
    public static bool IsNative(Settings settings, Device device) =>
        settings.Train == TrainedLayers.All ? BFloat16.IsNative(device) : Precision.Bf16.ChooseFeatureType(device) == ScalarType.BFloat16;

    /// <param name="settings">The settings of a new training.</param>
    /// <param name="isNative">See <see cref="IsNative"/>.</param>
    /// <param name="ranks">The number of ranks that share a training step.</param>
    /// <returns>The settings with the precision resolved.</returns>
    public static Settings Decide(this Settings settings, bool isNative, int ranks = 1) =>
        settings.Precision != Precision.Auto ? settings
        : isNative && IsWorthwhile(settings, ranks) ? settings with { Precision = Precision.Bf16, ChannelsLast = true }
        : settings with { Precision = Precision.Fp32 };

    private static bool IsWorthwhile(Settings settings, int ranks) =>
        settings.Train == TrainedLayers.Head || (long)(settings.Recipe.BatchSize / ranks) * settings.Recipe.Size * settings.Recipe.Size >= LeastPixels;
}
