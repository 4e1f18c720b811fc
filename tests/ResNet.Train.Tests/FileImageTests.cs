using System.Diagnostics;
using System.Text;
using SkiaSharp;

namespace ResNet.Train.Tests;

public sealed class FileImageTests : IDisposable
{
    private static readonly SKColor red = new(220, 30, 40), green = new(20, 200, 60), blue = new(30, 50, 210), yellow = new(230, 220, 30);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg, 8)]
    [InlineData(SKEncodedImageFormat.Png, 0)]
    [InlineData(SKEncodedImageFormat.Webp, 8)]
    public void An_image_is_decoded_with_its_size_and_colors(SKEncodedImageFormat format, int tolerance)
    {
        using var image = Decode(_folder.Write("image", EncodeQuadrants(96, 64, format)), 96);

        Assert.Equal((96, 64), (image.Width, image.Height));
        AssertCorners([red, green, blue, yellow], image, tolerance);
    }

    [Fact]
    public void An_image_keeps_its_label_and_path()
    {
        var image = new FileImage(_folder["image"], 3);

        Assert.Equal(3, image.Label);
        Assert.Equal(_folder["image"], image.Name);
    }

    [Fact]
    public void A_BMP_is_decoded()
    {
        // Two rows of three pixels, the lower one first. A pixel is blue, green and red; a row is padded to a multiple of four bytes.
        byte[] pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0, 0, 0];

        using var image = Decode(_folder.Write("image.bmp", ImageBytes.CreateBmp(3, 2, pixels)), 32);

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
    public void A_large_JPEG_is_decoded_smaller_but_at_least_at_twice_the_size(int width, int height)
    {
        using var image = Decode(_folder.Write("image.jpg", EncodeQuadrants(width, height, SKEncodedImageFormat.Jpeg)), 100);

        Assert.InRange(image.Width, 1, width / 2);
        Assert.InRange(Math.Min(image.Width, image.Height), 199, 500);
        Assert.Equal((double)width / height, (double)image.Width / image.Height, 0.01);
        AssertCorners([red, green, blue, yellow], image, 8);
    }

    [Fact]
    public void A_JPEG_near_the_drawn_size_is_decoded_in_full()
    {
        using var image = Decode(_folder.Write("image.jpg", EncodeQuadrants(300, 200, SKEncodedImageFormat.Jpeg)), 100);
        Assert.Equal((300, 200), (image.Width, image.Height));
    }

    [Fact]
    public void Transparent_pixels_are_drawn_on_white()
    {
        using var bitmap = new SKBitmap(new SKImageInfo(3, 1, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        bitmap.SetPixel(0, 0, new SKColor(10, 20, 30, 0));
        bitmap.SetPixel(1, 0, new SKColor(0, 100, 200, 128));
        bitmap.SetPixel(2, 0, new SKColor(10, 20, 30, 255));
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);

        using var image = Decode(_folder.Write("image.png", png.ToArray()), 32);

        Assert.Equal(SKAlphaType.Opaque, image.AlphaType);
        using var decoded = SKBitmap.FromImage(image);
        AssertNear(SKColors.White, decoded.GetPixel(0, 0), 0);
        AssertNear(new SKColor(127, 177, 227), decoded.GetPixel(1, 0), 2);
        AssertNear(new SKColor(10, 20, 30), decoded.GetPixel(2, 0), 0);
    }

    /// <summary>EXIF 2.32, tag 274: the sides of the upright image that the first row and the first column of the stored one show.</summary>
    [Theory]
    [InlineData(1, "top", "left")]
    [InlineData(2, "top", "right")]
    [InlineData(3, "bottom", "right")]
    [InlineData(4, "bottom", "left")]
    [InlineData(5, "left", "top")]
    [InlineData(6, "right", "top")]
    [InlineData(7, "right", "bottom")]
    [InlineData(8, "left", "bottom")]
    public void A_photograph_is_decoded_upright_for_every_orientation(byte orientation, string firstRow, string firstColumn)
    {
        var rowsRun = firstRow is "top" or "bottom";
        var corners = new SKColor[4];
        foreach (var (color, row, column) in new[] { (red, firstRow, firstColumn), (green, firstRow, GetOpposite(firstColumn)), (blue, GetOpposite(firstRow), firstColumn), (yellow, GetOpposite(firstRow), GetOpposite(firstColumn)) })
        {
            string[] sides = [row, column];
            corners[(sides.Contains("bottom") ? 2 : 0) + (sides.Contains("right") ? 1 : 0)] = color;
        }

        var jpeg = AddExifToJpeg(EncodeQuadrants(256, 128, SKEncodedImageFormat.Jpeg), CreateExif(orientation));
        AssertUpright(jpeg, 64, 1);
        AssertUpright(jpeg, 16, 4);
        var (png, webP) = (EncodeQuadrants(256, 128, SKEncodedImageFormat.Png), EncodeQuadrants(256, 128, SKEncodedImageFormat.Webp));
        foreach (var exif in new[] { CreateExif(orientation), CreateExif(orientation, bigEndian: true), [.. "Exif\0\0"u8, .. CreateExif(orientation)] })
        {
            AssertUpright(AddExifToPng(png, exif, first: true), 64, 1);
            AssertUpright(AddExifToPng(png, exif, first: false), 64, 1);
            AssertUpright(AddExifToWebP(webP, 256, 128, exif), 64, 1);
        }

        void AssertUpright(byte[] file, int size, int scale)
        {
            using var image = Decode(_folder.Write("image", file), size);

            Assert.Equal(rowsRun ? (256 / scale, 128 / scale) : (128 / scale, 256 / scale), (image.Width, image.Height));
            AssertCorners(corners, image, 8);
        }

        static string GetOpposite(string side) => side switch { "top" => "bottom", "bottom" => "top", "left" => "right", _ => "left" };
    }

    [Fact]
    public void A_missing_file_is_refused() => AssertRefused(_folder["nothing.jpg"], "cannot be read");

    [Fact]
    public void An_image_that_is_replaced_between_batches_is_refused_by_name()
    {
        var image = new FileImage(_folder.Write("image.png", EncodeQuadrants(20, 10, SKEncodedImageFormat.Png)), 0);
        var network = new ModelConfig(Core.Stem.Conv7, 32, 1, Grayscale: false, new Normalization([0, 0, 0], [1, 1, 1]), ["a", "b"]);
        using (Batch.Decode([image], network)) { }

        _folder.Write("image.png", ImageBytes.CreatePng(46341, 46341, 8, 2, [], 0));

        Assert.StartsWith(image.Name + ": expected an image of up to", Assert.Throws<UserException>(() => Batch.Decode([image], network)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_is_refused() => AssertRefused(_folder.Path, "expected a file, got a folder");

    [Fact]
    public void An_empty_file_is_refused() => AssertRefused(_folder.Write("image.jpg", []), "expected a file with something in it, got one that is empty");

    [Fact]
    public void A_file_of_another_format_is_refused() =>
        AssertRefused(_folder.Write("image.jpg", "This is no image, whatever its name says."u8.ToArray()), "expected a JPEG, PNG, WebP, GIF or BMP image, got a text file");

    /// <summary>Truncates the EXIF data and changes bytes of it. The image can still be decoded.</summary>
    [Fact]
    public void Damaged_EXIF_data_leaves_an_image_as_it_is_stored()
    {
        var (png, webP) = (EncodeQuadrants(20, 10, SKEncodedImageFormat.Png), EncodeQuadrants(20, 10, SKEncodedImageFormat.Webp));
        var exif = CreateExif(6);
        var random = new Random(1);
        for (var i = 0; i < 400; i++)
        {
            var damaged = exif[..random.Next(exif.Length + 1)];
            for (var j = 0; j < 3 && damaged.Length > 0; j++)
                damaged[random.Next(damaged.Length)] = random.Next(2) == 0 ? (byte)255 : (byte)random.Next(256);

            byte[][] files = [AddExifToPng(png, damaged, first: true), AddExifToWebP(webP, 20, 10, damaged)];
            Assert.InRange((int)ExifOrientation.ReadPng(files[0]), 1, 8);
            Assert.InRange((int)ExifOrientation.ReadWebP(files[1]), 1, 8);
            Assert.InRange((int)ExifOrientation.ReadPng(files[0].AsSpan(0, random.Next(files[0].Length))), 1, 8);
            Assert.InRange((int)ExifOrientation.ReadWebP(files[1].AsSpan(0, random.Next(files[1].Length))), 1, 8);
        }
        foreach (var damaged in new[] { exif[..20], CreateExif(0), CreateExif(9), CreateExif(6, type: 2), [.. exif[..4], 255, 255, 255, 255, .. exif[8..]] })
        {
            using var image = Decode(_folder.Write("image", AddExifToPng(png, damaged, first: true)), 32);
            Assert.Equal((20, 10), (image.Width, image.Height));
        }
    }

    [Fact]
    public void An_animation_is_decoded_as_its_first_frame()
    {
        // Two frames of 1x1: the first is red, the second green.
        byte[] CreateFrame(byte color) => [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, (byte)(color == 0 ? 0x44 : 0x4c), 1, 0];
        byte[] gif = [.. "GIF89a"u8, 1, 0, 1, 0, 0x80, 0, 0, 220, 30, 40, 20, 200, 60, .. CreateFrame(0), .. CreateFrame(1), 0x3b];

        using var image = Decode(_folder.Write("image.gif", gif), 32);

        using var bitmap = SKBitmap.FromImage(image);
        AssertNear(red, bitmap.GetPixel(0, 0), 0);
    }

    [Fact]
    public void Gray_with_16_bits_and_gray_with_alpha_are_decoded()
    {
        using var deep = SKBitmap.FromImage(Decode(_folder.Write("deep.png", ImageBytes.CreatePng(2, 2, 16, 0, [0x40, 0x80, 0xc0, 0x00], 2)), 32));
        AssertNear(new SKColor(64, 64, 64), deep.GetPixel(0, 0), 1);
        AssertNear(new SKColor(192, 192, 192), deep.GetPixel(1, 1), 1);

        using var transparent = SKBitmap.FromImage(Decode(_folder.Write("alpha.png", ImageBytes.CreatePng(2, 2, 8, 4, [100, 255, 0, 51], 2)), 32));
        AssertNear(new SKColor(100, 100, 100), transparent.GetPixel(0, 0), 0);
        AssertNear(new SKColor(204, 204, 204), transparent.GetPixel(1, 1), 1);
    }

    [Fact]
    public void A_very_large_PNG_is_decoded_smaller()
    {
        // Black on the left and white on the right, one bit per pixel
        byte[] row = [.. Enumerable.Repeat((byte)0, 505), .. Enumerable.Repeat((byte)255, 505)];
        using var image = Decode(_folder.Write("large.png", ImageBytes.CreatePng(8080, 8000, 1, 0, row, 8000)), 100);

        Assert.Equal((202, 200), (image.Width, image.Height));
        AssertCorners([SKColors.Black, SKColors.White, SKColors.Black, SKColors.White], image, 0);
    }

    [Fact]
    public void A_header_with_too_many_pixels_is_refused_before_memory_is_allocated()
    {
        foreach (var (width, height) in new[] { (46341, 46341), (14143, 14143), (65535, 65535), (1, 65536), (65536, 1), (1_000_000, 200) })
        {
            AssertRefused(_folder.Write("large.png", ImageBytes.CreatePng(width, height, 8, 2, [], 0)), $"expected an image of up to 200 megapixels and 65535 pixels a side, got {width}x{height}");
            AssertRefused(_folder.Write("large.bmp", ImageBytes.CreateBmp(width, height, new byte[64])), "expected a");
        }
        AssertRefused(_folder.Write("large.bmp", ImageBytes.CreateBmp(23171, 23171, new byte[64])), "expected an image of up to 200 megapixels and 65535 pixels a side, got 23171x23171");
        AssertRefused(_folder.Write("large.gif", [.. "GIF89a"u8, 255, 255, 255, 255, 0, 0, 0, 0x2c, 0, 0, 0, 0, 255, 255, 255, 255, 0, 2, 0, 0x3b]), "expected a");
        AssertRefused(_folder.Write("most.png", ImageBytes.CreatePng(int.MaxValue, int.MaxValue, 8, 2, [], 0)), "expected a whole image, got a broken one");
    }

    [UnixFact]
    public void A_file_that_is_too_large_is_refused_before_it_is_read()
    {
        using (var file = File.Create(_folder["image.jpg"]))
        {
            file.Write([0xff, 0xd8, 0xff]);
            file.SetLength((1L << 30) + 1); // a sparse file, which takes hardly any disk space
        }
        AssertRefused(_folder["image.jpg"], "expected a file of up to 1073741824 bytes, got 1073741825");
    }

    /// <summary>Some icons crash the process in Skia's decoder.</summary>
    [Theory]
    [InlineData(16)]
    [InlineData(4400)]
    [InlineData(20000)]
    public void An_icon_never_reaches_the_decoder(int size) => AssertRefused(_folder.Write("icon.png", ImageBytes.CreateIco(size, size)), "got an icon (ICO); convert it");

    [Theory]
    [InlineData("\0\0\0\u0018ftypheic", "a HEIC image, as iPhones write them; convert it")]
    [InlineData("\0\0\0\u0018ftypmif1\0\0\0\0mif1heic", "a HEIC image, as iPhones write them; convert it")]
    [InlineData("\0\0\0\u0018ftypavif", "an AVIF image; convert it")]
    [InlineData("\0\0\0\u0018ftypmif1\0\0\0\0mif1avif", "an AVIF image; convert it")]
    [InlineData("\0\0\0\u0018ftypcrx ", "a camera's raw image; convert it")]
    [InlineData("\0\0\0\u0018ftypisom", "a video")]
    [InlineData("II*\0", "a TIFF image, or a camera's raw image; convert it")]
    [InlineData("MM\0*", "a TIFF image, or a camera's raw image; convert it")]
    [InlineData("FUJIFILMCCD-RAW", "a camera's raw image; convert it")]
    [InlineData("\u00ff\n", "a JPEG XL image; convert it")]
    [InlineData("\0\0\0\fJXL \r\n", "a JPEG XL image; convert it")]
    [InlineData("\0\0\0\fjP  \r\n", "a JPEG 2000 image; convert it")]
    [InlineData("8BPS", "a Photoshop image; convert it")]
    [InlineData("P6\n", "a Netpbm image (PPM, PGM); convert it")]
    [InlineData("<?xml version='1.0'?>\n<svg", "an SVG drawing; convert it")]
    [InlineData("<!DOCTYPE html>", "an HTML page")]
    [InlineData("%PDF-1.7", "a PDF file")]
    [InlineData("PK\u0003\u0004", "a ZIP file")]
    [InlineData("version https://git-lfs.github.com/spec/v1", "a Git LFS pointer to one; git lfs pull fetches it")]
    [InlineData("cat,dog", "a text file")]
    [InlineData("\0\u0001\u0002", "a file of another kind")]
    public void Other_formats_are_named_in_the_message(string head, string words) =>
        AssertRefused(_folder.Write("image.jpg", Encoding.Latin1.GetBytes(head)), $"expected a JPEG, PNG, WebP, GIF or BMP image, got {words}");

    [UnixFact]
    public async Task Pipes_and_devices_are_refused_without_waiting_for_them()
    {
        Process.Start("mkfifo", [_folder["pipe"]]).WaitForExit();
        File.CreateSymbolicLink(_folder["link"], "pipe");
        Directory.CreateSymbolicLink(_folder["folder"], ".");
        foreach (var path in new[] { _folder["pipe"], _folder["link"], _folder["folder/link"], "/dev/zero" })
            await Task.Run(() => AssertRefused(path, "got one that is empty, or a pipe, socket or device")).WaitAsync(TimeSpan.FromSeconds(30));
    }

    [UnixFact]
    public void A_link_to_an_image_is_followed()
    {
        Directory.CreateDirectory(_folder["store/deep"]);
        _folder.Write("store/image.png", EncodeQuadrants(20, 10, SKEncodedImageFormat.Png));
        Directory.CreateSymbolicLink(_folder["other"], "store/deep");
        File.CreateSymbolicLink(_folder["store/deep/link"], "../image.png"); // relative to store/deep, not to the link that leads there
        using (Decode(_folder["other/link"], 32)) { }

        File.CreateSymbolicLink(_folder["circle"], "circle");
        File.CreateSymbolicLink(_folder["nowhere"], "nothing");
        AssertRefused(_folder["circle"], "cannot be read");
        AssertRefused(_folder["nowhere"], "cannot be read");
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    [InlineData(SKEncodedImageFormat.Png)]
    [InlineData(SKEncodedImageFormat.Webp)]
    public void A_truncated_image_is_refused(SKEncodedImageFormat format)
    {
        var whole = EncodeNoise(format);
        using (Decode(_folder.Write("whole", whole), 32)) { }

        AssertRefused(_folder.Write("half", whole[..(whole.Length / 2)]), "expected a");
        AssertRefused(_folder.Write("header", whole[..10]), "expected a");
    }

    private static SKImage Decode(string path, int size) => new FileImage(path, 0).Decode(size);

    private static void AssertRefused(string path, string message)
    {
        var problem = Assert.Throws<UserException>(() => Decode(path, 32));
        Assert.StartsWith(path, problem.Message, StringComparison.Ordinal);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', problem.Message);
    }

    /// <summary>Red and green above blue and yellow.</summary>
    private static byte[] EncodeQuadrants(int width, int height, SKEncodedImageFormat format)
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

    private static byte[] EncodeNoise(SKEncodedImageFormat format)
    {
        var random = new Random(1);
        using var bitmap = new SKBitmap(new SKImageInfo(64, 64, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Pixels = [.. Enumerable.Range(0, 64 * 64).Select(_ => new SKColor((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256)))];
        using var data = bitmap.Encode(format, 95);
        return data.ToArray();
    }

    /// <summary>A directory of two entries. The second is the orientation: tag 0x0112, a single number of 16 bits (type 3).</summary>
    private static byte[] CreateExif(byte orientation, bool bigEndian = false, byte type = 3)
    {
        byte[] entries = bigEndian
            ? [0, 2, 0x01, 0x00, 0, 4, 0, 0, 0, 1, 0, 0, 0, 3, 0x01, 0x12, 0, type, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]
            : [2, 0, 0x00, 0x01, 4, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0x12, 0x01, type, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
        return bigEndian ? [.. "MM\0*"u8, 0, 0, 0, 8, .. entries] : [.. "II*\0"u8, 8, 0, 0, 0, .. entries];
    }

    private static byte[] AddExifToJpeg(byte[] jpeg, byte[] exif) => [.. jpeg[..2], 0xff, 0xe1, 0, (byte)(exif.Length + 8), .. "Exif\0\0"u8, .. exif, .. jpeg[2..]];

    /// <summary>Adds the data after the header, or before the end.</summary>
    private static byte[] AddExifToPng(byte[] png, byte[] exif, bool first)
    {
        var at = first ? 8 + 25 : png.Length - 12;
        return [.. png[..at], .. ImageBytes.CreatePngChunk("eXIf", exif), .. png[at..]];
    }

    /// <summary>Turns a plain WebP into an extended one, with a chunk of odd length before the EXIF data.</summary>
    private static byte[] AddExifToWebP(byte[] webP, int width, int height, byte[] exif)
    {
        byte[] header = [0x08, 0, 0, 0, (byte)(width - 1), (byte)(width - 1 >> 8), 0, (byte)(height - 1), (byte)(height - 1 >> 8), 0];
        byte[] chunks = [.. "WEBP"u8, .. ImageBytes.CreateWebPChunk("VP8X", header), .. webP[12..], .. ImageBytes.CreateWebPChunk("odd ", [1, 2, 3]), .. ImageBytes.CreateWebPChunk("EXIF", exif)];
        return ImageBytes.CreateWebPChunk("RIFF", chunks);
    }

    /// <summary>Expects the two upper corners, then the two lower ones.</summary>
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
