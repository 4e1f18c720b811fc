namespace ResNet.Core.Deployment;

/// <summary>How a tensor is written in 8 bits without sign: <c>x ≈ Scale (q - ZeroPoint)</c>. Zero is exact, as what convolutions pad with has to be.</summary>
/// <param name="Scale">Above 0.</param>
/// <param name="ZeroPoint">What 0 is.</param>
internal readonly record struct Quantization(float Scale, byte ZeroPoint)
{
    public const int Steps = 255;

    /// <param name="low">The least value, 0 or below; what is less becomes it.</param>
    /// <param name="high">The largest value, 0 or above.</param>
    public static Quantization Of(double low, double high)
    {
        if (high - low < 1e-30) return new Quantization(1, 0); // all is as good as 0, and a float32 has no scale for it
        var scale = (float)((high - low) / Steps);
        return new Quantization(scale, (byte)Math.Round(-low / scale));
    }
}
