namespace ResNet.Train;

/// <summary>
/// Draws a picture on a 32x32 background, normalised. The network halves height and width four times, so 32 is the size
/// that leaves nothing over, and the margin is what random crops are made of: a crop of the padded picture is the
/// picture in another place.
/// </summary>
internal static class Canvas
{
    public const int Side = 32;
    public const int Size = Side * Side;

    /// <summary>The normalised value of each grey.</summary>
    private static readonly float[] Normalised =
        [.. Enumerable.Range(0, 256).Select(grey => (grey / 255f - FashionMnist.Mean) / FashionMnist.StandardDeviation)];

    public static void Draw(ReadOnlySpan<byte> picture, Span<float> canvas, Placement placement)
    {
        canvas.Fill(Normalised[0]);
        for (var y = 0; y < FashionMnist.Side; y++)
        {
            var from = picture.Slice(y * FashionMnist.Side, FashionMnist.Side);
            var to = canvas.Slice((placement.Top + y) * Side + placement.Left, FashionMnist.Side);
            for (var x = 0; x < to.Length; x++)
                to[x] = Normalised[from[placement.Flipped ? to.Length - 1 - x : x]];
        }
    }
}
