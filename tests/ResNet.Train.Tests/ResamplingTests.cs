namespace ResNet.Train.Tests;

/// <summary>Images are resized as by Python's transforms. Each pixel may be off by one, because PIL rounds between columns and rows.</summary>
public sealed class ResamplingTests
{
    private const int Side = 7;

    private static readonly byte[] image = [.. Enumerable.Range(0, Side * Side).Select(i => (byte)(37 * i + 11 * i * i))];

    /// <summary>Results of PIL 9.4's <c>Image.resize((size, size), Image.BILINEAR, box)</c> for <see cref="image"/>.</summary>
    public static TheoryData<double, double, double, byte[]> Resized => new()
    {
        { 0, 0, 7, [114, 172, 131, 161, 123, 123, 161, 143, 156] },
        { 1, 0, 5.5, [75, 145, 172, 131, 157, 215, 180, 195, 193, 123, 202, 85, 162, 122, 72, 168, 31, 117, 153, 141, 136, 53, 180, 180, 122] },
        {
            0, 0, 7,
            [
                0, 32, 79, 138, 210, 100, 144, 171, 106,
                20, 121, 172, 178, 197, 166, 195, 170, 59,
                67, 172, 190, 160, 205, 179, 165, 117, 29,
                145, 197, 152, 92, 187, 143, 112, 75, 28,
                252, 251, 145, 23, 56, 106, 168, 157, 58,
                202, 148, 70, 41, 166, 154, 155, 148, 130,
                182, 170, 102, 57, 165, 201, 172, 123, 89,
                193, 203, 150, 89, 136, 200, 181, 136, 107,
                222, 187, 157, 138, 132, 143, 166, 201, 240,
            ]
        },
    };

    [Theory]
    [MemberData(nameof(Resized))]
    public void A_grayscale_image_is_resized_as_by_PIL(double left, double top, double length, byte[] expected) =>
        AssertNear(expected, Draw(image, grayscale: true, new Crop(left, top, length, length), expected)[0]);

    [Theory]
    [MemberData(nameof(Resized))]
    public void Each_channel_is_resized_like_a_grayscale_image(double left, double top, double length, byte[] expected)
    {
        byte[] negative = [.. image.Select(value => (byte)(255 - value))];

        var drawn = Draw([.. image, .. negative, .. new byte[Side * Side]], grayscale: false, new Crop(left, top, length, length), expected);

        AssertNear(expected, drawn[0]);
        AssertNear([.. expected.Select(value => (byte)(255 - value))], drawn[1]);
        Assert.All(drawn[2], value => Assert.Equal(0, value));
    }

    [Theory]
    [MemberData(nameof(Resized))]
    public void A_flipped_crop_is_the_same_from_right_to_left(double left, double top, double length, byte[] expected)
    {
        var size = (int)Math.Sqrt(expected.Length);

        var drawn = Draw(image, grayscale: true, new Crop(left, top, length, length, Flipped: true), expected)[0];

        AssertNear([.. expected.Chunk(size).SelectMany(row => row.Reverse())], drawn);
    }

    /// <summary>A photograph for a network trained on digits, and a digit for one trained on photographs.</summary>
    [Theory]
    [InlineData(true, new byte[] { 200, 100, 50 })]
    [InlineData(false, new byte[] { 200 })]
    public void Colors_are_converted_the_same_with_and_without_resizing(bool grayscale, byte[] color)
    {
        byte[] pixels = [.. color.SelectMany(value => Enumerable.Repeat(value, Side * Side))];

        var same = Draw(pixels, grayscale, new Crop(0, 0, Side, Side), new byte[Side * Side]);
        var smaller = Draw(pixels, grayscale, new Crop(0, 0, Side, Side), new byte[16]);

        Assert.All(smaller.Zip(same), channels => Assert.All(channels.First, value => Assert.Equal(channels.Second[0], value)));
    }

    /// <summary>More columns than a vector holds, with and without a remainder.</summary>
    [Theory]
    [InlineData(67)]
    [InlineData(128)]
    public void A_linear_gradient_stays_linear(int side)
    {
        byte[] pixels = [.. Enumerable.Range(0, side * side).Select(i => (byte)(i % side + i / side / 2))];
        using var decoded = new MemoryImage(pixels, side, 0, "").Decode(32);
        using var canvas = new Canvas(32, grayscale: true);
        canvas.Draw(decoded, new Crop(0, 0, side, side));
        var drawn = new byte[32 * 32];
        canvas.Read(0, drawn);

        for (var i = 0; i < drawn.Length; i++)
            if (i % 32 is > 0 and < 31 && i / 32 is > 0 and < 31) // at the edge, the mean covers one side only
                Assert.Equal((i % 32 + 0.5) * side / 32 - 0.5 + ((i / 32 + 0.5) * side / 32 - 0.5) / 2 - 0.25, drawn[i], 1.0);
    }

    private static void AssertNear(byte[] expected, byte[] actual) =>
        Assert.All(expected.Zip(actual), values => Assert.InRange(values.Second - values.First, -1, 1));

    private static byte[][] Draw(byte[] pixels, bool grayscale, Crop crop, byte[] like)
    {
        var size = (int)Math.Sqrt(like.Length);
        using var decoded = new MemoryImage(pixels, Side, 0, "").Decode(size);
        using var canvas = new Canvas(size, grayscale);
        canvas.Draw(decoded, crop);
        return [.. Enumerable.Range(0, canvas.Channels).Select(channel =>
        {
            var drawn = new byte[like.Length];
            canvas.Read(channel, drawn);
            return drawn;
        })];
    }
}
