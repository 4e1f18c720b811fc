using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>What <see cref="Precision.Auto"/> is: bfloat16 and channels-last where that is faster, else float32.</summary>
internal static class AutoPrecision
{
    /// <summary>
    /// Of the images of a step. With as many, such as 64 of 16x16, a step of a ResNet-18 takes 0.85 of its time in float32, and less with more; with half as many it is hardly
    /// faster, since converting the weights takes as long in every step.
    /// </summary>
    private const int LeastPixels = 16_384;

    /// <summary>Whether the device computes in bfloat16 what the training computes: where the classifier alone learns, the features, which a GPU computes in float32.</summary>
    public static bool IsNative(Settings settings, Device device) =>
        settings.Train == TrainedLayers.All ? BFloat16.IsNative(device) : Precision.Bf16.OfFeatures(device) == ScalarType.BFloat16;

    /// <param name="settings">Of a training that begins.</param>
    /// <param name="isNative">See <see cref="IsNative"/>.</param>
    /// <param name="ranks">How many share a step.</param>
    /// <returns>The same with the precision decided.</returns>
    public static Settings Decide(this Settings settings, bool isNative, int ranks = 1) =>
        settings.Precision != Precision.Auto ? settings
        : isNative && IsWorthwhile(settings, ranks) ? settings with { Precision = Precision.Bf16, ChannelsLast = true }
        : settings with { Precision = Precision.Fp32 };

    private static bool IsWorthwhile(Settings settings, int ranks) =>
        settings.Train == TrainedLayers.Head || (long)(settings.Recipe.BatchSize / ranks) * settings.Recipe.Size * settings.Recipe.Size >= LeastPixels;
}
