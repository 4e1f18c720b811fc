namespace ResNet.Train;

/// <summary>What <see cref="Precision.Auto"/> is: bfloat16 and channels-last where that is faster, else float32.</summary>
internal static class AutoPrecision
{
    /// <param name="settings">Of a training that begins.</param>
    /// <param name="isNative">See <see cref="BFloat16.IsNative"/>.</param>
    /// <returns>The same with the precision decided.</returns>
    public static Settings Decide(this Settings settings, bool isNative) =>
        settings.Precision != Precision.Auto ? settings
        : isNative && IsWorthwhile(settings) ? settings with { Precision = Precision.Bf16, ChannelsLast = true }
        : settings with { Precision = Precision.Fp32 };

    private static bool IsWorthwhile(Settings settings) => settings.Train == TrainedLayers.All;
}
