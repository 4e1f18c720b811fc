using System.Buffers.Binary;
using SkiaSharp;

namespace ResNet.Train.Tests;

public sealed class FilePictureTests : IDisposable
{
    private static readonly SKColor red = new(220, 30, 40), green = new(20, 200, 60), blue = new(30, 50, 210), yellow = new(230, 220, 30);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg, 8)]
    [InlineData(SKEncodedImageFormat.Png, 0)]
    [InlineData(SKEncodedImageFormat.Webp, 8)]
    public void A_picture_is_decoded_to_its_size_and_colours(SKEncodedImageFormat format, int tolerance)
    {
        using var image = Decode(_folder.Write("picture", Quadrants(96, 64, format)), 96);

        Assert.Equal((96, 64), (image.Width, image.Height));
        AssertCorners([red, green, blue, yellow], image, tolerance);
    }

    [Fact]
    public void Its_label_and_path_are_kept()
    {
        var picture = new FilePicture(_folder["picture"], 3);

        Assert.Equal(3, picture.Label);
        Assert.Equal(_folder["picture"], picture.Name);
    }

    [Fact]
    public void A_bitmap_of_Windows_is_decoded()
    {
        // Two rows of three pixels, the lower one first, each blue, green, red and filled up to a multiple of four bytes
        byte[] pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0, 0, 0];
        var header = new byte[54];
        "BM"u8.CopyTo(header);
        foreach (var (offset, value) in new[] { (2, 54 + pixels.Length), (10, 54), (14, 40), (18, 3), (22, 2), (34, pixels.Length) })
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(offset), value);
        header[26] = 1; // plane
        header[28] = 24; // bits a pixel

        using var image = Decode(_folder.Write("picture.bmp", [.. header, .. pixels]), 32);

        using var bitmap = SKBitmap.FromImage(image);
        Assert.Equal((3, 2), (bitmap.Width, bitmap.Height));
        Assert.Equal(new SKColor(13, 12, 11), bitmap.GetPixel(0, 0));
        Assert.Equal(new SKColor(19, 18, 17), bitmap.GetPixel(2, 0));
        Assert.Equal(new SKColor(3, 2, 1), bitmap.GetPixel(0, 1));
        Assert.Equal(new SKColor(9, 8, 7), bitmap.GetPixel(2, 1));
    }

    [Theory]
    [InlineData(1600, 1200)]
    [InlineData(1200, 1600)]
    [InlineData(1234, 3456)]
    public void A_large_JPEG_comes_smaller_with_twice_the_size_at_least(int width, int height)
    {
        using var image = Decode(_folder.Write("picture.jpg", Quadrants(width, height, SKEncodedImageFormat.Jpeg)), 100);

        Assert.InRange(image.Width, 1, width / 2);
        Assert.InRange(Math.Min(image.Width, image.Height), 199, 500);
        Assert.Equal((double)width / height, (double)image.Width / image.Height, 0.01);
        AssertCorners([red, green, blue, yellow], image, 8);
    }

    [Fact]
    public void A_JPEG_that_is_drawn_at_about_its_size_comes_whole()
    {
        using var image = Decode(_folder.Write("picture.jpg", Quadrants(300, 200, SKEncodedImageFormat.Jpeg)), 100);
        Assert.Equal((300, 200), (image.Width, image.Height));
    }

    [Fact]
    public void What_is_transparent_lies_on_white()
    {
        using var bitmap = new SKBitmap(new SKImageInfo(3, 1, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        bitmap.SetPixel(0, 0, new SKColor(10, 20, 30, 0));
        bitmap.SetPixel(1, 0, new SKColor(0, 100, 200, 128));
        bitmap.SetPixel(2, 0, new SKColor(10, 20, 30, 255));
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);

        using var image = Decode(_folder.Write("picture.png", png.ToArray()), 32);

        Assert.Equal(SKAlphaType.Opaque, image.AlphaType);
        using var decoded = SKBitmap.FromImage(image);
        AssertNear(SKColors.White, decoded.GetPixel(0, 0), 0);
        AssertNear(new SKColor(127, 177, 227), decoded.GetPixel(1, 0), 2);
        AssertNear(new SKColor(10, 20, 30), decoded.GetPixel(2, 0), 0);
    }

    /// <summary>EXIF 2.32, tag 274: which sides of the upright picture the first row and the first column of the stored one are.</summary>
    [Theory]
    [InlineData(1, "top", "left")]
    [InlineData(2, "top", "right")]
    [InlineData(3, "bottom", "right")]
    [InlineData(4, "bottom", "left")]
    [InlineData(5, "left", "top")]
    [InlineData(6, "right", "top")]
    [InlineData(7, "right", "bottom")]
    [InlineData(8, "left", "bottom")]
    public void A_photograph_comes_upright_however_the_camera_was_held(byte orientation, string firstRow, string firstColumn)
    {
        var path = _folder.Write("picture.jpg", WithOrientation(Quadrants(256, 128, SKEncodedImageFormat.Jpeg), orientation));
        var rowsRun = firstRow is "top" or "bottom";
        var corners = new SKColor[4];
        foreach (var (color, row, column) in new[] { (red, firstRow, firstColumn), (green, firstRow, Opposite(firstColumn)), (blue, Opposite(firstRow), firstColumn), (yellow, Opposite(firstRow), Opposite(firstColumn)) })
        {
            string[] sides = [row, column];
            corners[(sides.Contains("bottom") ? 2 : 0) + (sides.Contains("right") ? 1 : 0)] = color;
        }

        foreach (var (size, scale) in new[] { (64, 1), (16, 4) })
        {
            using var image = Decode(path, size);

            Assert.Equal(rowsRun ? (256 / scale, 128 / scale) : (128 / scale, 256 / scale), (image.Width, image.Height));
            AssertCorners(corners, image, 8);
        }

        static string Opposite(string side) => side switch { "top" => "bottom", "bottom" => "top", "left" => "right", _ => "left" };
    }

    [Fact]
    public void A_missing_file_is_told() => Refused(_folder["nothing.jpg"], "cannot be read");

    [Fact]
    public void A_folder_in_its_place_is_told() => Refused(_folder.Path, "cannot be read");

    [Fact]
    public void An_empty_file_is_told() => Refused(_folder.Write("picture.jpg", []), "expected a picture, such as a JPEG or PNG file");

    [Fact]
    public void A_file_of_another_format_is_told() =>
        Refused(_folder.Write("picture.jpg", "This is no picture, whatever its name says."u8.ToArray()), "expected a picture, such as a JPEG or PNG file");

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    [InlineData(SKEncodedImageFormat.Png)]
    [InlineData(SKEncodedImageFormat.Webp)]
    public void A_truncated_picture_is_told(SKEncodedImageFormat format)
    {
        var whole = Noise(format);
        using (Decode(_folder.Write("whole", whole), 32)) { }

        Refused(_folder.Write("half", whole[..(whole.Length / 2)]), "expected a");
        Refused(_folder.Write("header", whole[..10]), "expected a");
    }

    private static SKImage Decode(string path, int size) => new FilePicture(path, 0).Decode(size);

    private static void Refused(string path, string message)
    {
        var problem = Assert.Throws<UserException>(() => Decode(path, 32));
        Assert.StartsWith(path, problem.Message, StringComparison.Ordinal);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', problem.Message);
    }

    /// <summary>Red and green over blue and yellow.</summary>
    private static byte[] Quadrants(int width, int height, SKEncodedImageFormat format)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(bitmap))
            foreach (var (color, x, y) in new[] { (red, 0, 0), (green, 1, 0), (blue, 0, 1), (yellow, 1, 1) })
            {
                using var paint = new SKPaint { Color = color };
                canvas.DrawRect(SKRect.Create(x * width / 2, y * height / 2, width / 2, height / 2), paint);
            }
        using var data = bitmap.Encode(format, 95);
        return data.ToArray();
    }

    private static byte[] Noise(SKEncodedImageFormat format)
    {
        var random = new Random(1);
        using var bitmap = new SKBitmap(new SKImageInfo(64, 64, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Pixels = [.. Enumerable.Range(0, 64 * 64).Select(_ => new SKColor((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256)))];
        using var data = bitmap.Encode(format, 95);
        return data.ToArray();
    }

    /// <summary>With a directory of that one entry: tag 0x0112, a single 16-bit number.</summary>
    private static byte[] WithOrientation(byte[] jpeg, byte orientation)
    {
        byte[] exif =
        [
            .. "Exif\0\0"u8, .. "II*\0"u8, 8, 0, 0, 0,
            1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0,
        ];
        return [.. jpeg[..2], 0xff, 0xe1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
    }

    /// <summary>The two upper corners, then the two lower ones.</summary>
    private static void AssertCorners(SKColor[] expected, SKImage image, int tolerance)
    {
        using var bitmap = SKBitmap.FromImage(image);
        var (right, bottom) = (image.Width - 3, image.Height - 3);
        AssertNear(expected[0], bitmap.GetPixel(2, 2), tolerance);
        AssertNear(expected[1], bitmap.GetPixel(right, 2), tolerance);
        AssertNear(expected[2], bitmap.GetPixel(2, bottom), tolerance);
        AssertNear(expected[3], bitmap.GetPixel(right, bottom), tolerance);
    }

    private static void AssertNear(SKColor expected, SKColor actual, int tolerance)
    {
        var distance = new[] { expected.Red - actual.Red, expected.Green - actual.Green, expected.Blue - actual.Blue, expected.Alpha - actual.Alpha }.Max(Math.Abs);
        Assert.True(distance <= tolerance, $"expected {expected}, got {actual}");
    }
}
