namespace ResNet.Core.Deployment;

/// <summary>The parameters for quantizing a tensor to uint8: <c>x ≈ Scale (q - ZeroPoint)</c>. Zero is exact, since convolutions pad with it.</summary>
/// <param name="Scale">The scale, greater than 0.</param>
/// <param name="ZeroPoint">The quantized value of 0.</param>
internal readonly record struct QuantizationParameters(float Scale, byte ZeroPoint)
{
    public const int Steps = 255;

    /// <summary>The largest int8 weight. Weights are symmetric, without -128.</summary>
    public const int MaxWeight = 127;

    /// <summary>Computes the parameters for a range of values. Values outside saturate.</summary>
    /// <param name="low">The lower end of the range, at most 0.</param>
    /// <param name="high">The upper end of the range, at least 0.</param>
    public static QuantizationParameters FromRange(double low, double high)
    {
        if (high - low < 1e-30) return new QuantizationParameters(1, 0); // all values are practically 0, and float32 has no scale for them
        var scale = (float)((high - low) / Steps);
        return new QuantizationParameters(scale, (byte)Math.Round(-low / scale));
    }
}
