using ResNet.Core;
using SkiaSharp;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>Explanations of predictions: the activation map, the drawing and the file.</summary>
public sealed class ExplanationTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(nameof(Architecture.resnet18), nameof(Stem.Conv3))]
    [InlineData(nameof(Architecture.resnet50), nameof(Stem.Conv7MaxPool))]
    public void The_mean_of_a_map_plus_the_bias_is_the_logit(string architecture, string stem)
    {
        manual_seed(1);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Enum.Parse<Architecture>(architecture).Create(5, Enum.Parse<Stem>(stem), CPU);
        model.eval();
        var images = randn(2, 3, 40, 72);
        var (logits, bias) = (model.call(images), model.fc.bias!);

        var maps = ClassActivationMap.Compute(model.forward_features(images), model.fc.weight!);
        Assert.InRange((maps.mean([2, 3]) + bias - logits).abs().max().item<float>(), 0, 1e-5);

        var relative = ClassActivationMap.Compute(model, images);
        Assert.Equal([2, 5, .. model.forward_features(images).shape[2..]], relative.shape);
        var expected = logits - logits.mean([1], keepdim: true);
        Assert.InRange((relative.mean([2, 3]) - expected).abs().max().item<float>(), 0, 1e-5);
        Assert.True(expected.abs().max().item<float>() > 0.01);
    }

    [Fact]
    public void A_map_is_interpolated_between_its_cell_centers()
    {
        var shown = new ExplainedClass("class", 1, new float[,] { { 0, 4 }, { 8, 12 } });
        Assert.Equal([0f, 4, 8, 12], [shown.Interpolate(0.25, 0.25), shown.Interpolate(0.75, 0.25), shown.Interpolate(0.25, 0.75), shown.Interpolate(0.75, 0.75)]);
        Assert.Equal([6f, 2, 10], [shown.Interpolate(0.5, 0.5), shown.Interpolate(0.5, 0.25), shown.Interpolate(0.5, 0.75)]);
        Assert.Equal([0f, 4, 12], [shown.Interpolate(0, 0), shown.Interpolate(1, 0), shown.Interpolate(1, 1)]);
    }

    /// <summary>The evidence is in one corner of the center crop. The drawing marks that corner and no other.</summary>
    [Theory]
    [InlineData(120, 60, 1, SKEncodedOrigin.TopLeft)]
    [InlineData(60, 120, 0.875, SKEncodedOrigin.TopLeft)]
    [InlineData(120, 60, 0.5, SKEncodedOrigin.RightTop)]
    [InlineData(120, 60, 0.875, SKEncodedOrigin.LeftBottom)]
    [InlineData(100, 60, 0.875, SKEncodedOrigin.BottomRight)]
    [InlineData(28, 28, 32.0 / 28, SKEncodedOrigin.TopLeft)]
    public void The_drawing_marks_the_evidence_where_the_image_has_it(int width, int height, double cropRatio, SKEncodedOrigin origin)
    {
        // A gray photograph with a white square in a corner of its upright center crop
        var isRotated = origin >= SKEncodedOrigin.LeftTop;
        var (uprightWidth, uprightHeight) = isRotated ? (height, width) : (width, height);
        var seen = Crop.CreateCenter(uprightWidth, uprightHeight, Math.Min(1, cropRatio));
        var square = SKRect.Create((float)(seen.Left + 0.75 * seen.Width), (float)seen.Top, (float)(0.25 * seen.Width), (float)(0.25 * seen.Height)); // at the top right
        var image = new FileImage(_folder.Write("image.png", EncodeRotated(uprightWidth, uprightHeight, square, origin)), 0);

        var network = new ModelConfig(Stem.Conv3, 64, cropRatio, Grayscale: false, new Normalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]), ["bright", "other"]);
        var map = ComputeBrightnessMap(image, network);
        Assert.True(FindHighest(map) is (<= 1, >= 6));

        using var drawing = SKBitmap.Decode(ExplanationImage.Draw(image, cropRatio, [new ExplainedClass("", 1, map)]));
        Assert.Equal((double)uprightWidth / uprightHeight, (double)drawing.Width / drawing.Height, 0.01);
        var scale = (double)drawing.Width / uprightWidth;
        var (x, y) = FindReddest(drawing);
        Assert.InRange(x / scale, square.Left - 1, square.Right + 1);
        Assert.InRange(y / scale, square.Top - 1, square.Bottom + 1);

        // Outside the center crop, the image is darker but not tinted.
        if (seen.Left > 2 || seen.Top > 2)
            Assert.Equal(new SKColor(60, 60, 60), drawing.GetPixel(1, drawing.Height - 2));
    }

    [Fact]
    public void Several_classes_are_drawn_side_by_side_on_one_scale()
    {
        var image = new FileImage(TestImages.Write(_folder, "gray.png", SKColors.Gray, SKEncodedImageFormat.Png, 400, 400), 0);
        ExplainedClass[] classes = [new("a", 0.6f, new float[,] { { 4 } }), new("b\n\u202e", 0.4f, new float[,] { { 1 } }), new("c", 0, new float[,] { { -1 } })];
        using var drawing = SKBitmap.Decode(ExplanationImage.Draw(image, 1, classes));
        Assert.Equal((1200, 400), (drawing.Width, drawing.Height));
        float[] hues = [.. Enumerable.Range(0, 3).Select(panel => drawing.GetPixel(400 * panel + 200, 300).Hue)];
        Assert.Equal([0f, 180, 240], hues.Select(hue => (float)Math.Round(hue)));
    }

    [Theory]
    [InlineData(1, 3000)]
    [InlineData(5000, 3)]
    [InlineData(1, 1)]
    public void Images_of_any_proportions_can_be_drawn(int width, int height)
    {
        var image = new FileImage(TestImages.Write(_folder, "image.png", SKColors.Gray, SKEncodedImageFormat.Png, width, height), 0);
        using var drawing = SKBitmap.Decode(ExplanationImage.Draw(image, 0.875, [new ExplainedClass("class", 1, new float[7, 7])]));
        Assert.InRange(Math.Max(drawing.Width, drawing.Height), 320, 1024);
    }

    [Fact]
    public void The_users_files_are_not_replaced_and_explanations_are_not_listed_as_images()
    {
        var image = TestImages.Write(_folder, "a.jpg", SKColors.Gray, SKEncodedImageFormat.Jpeg, 40, 50);
        var png = File.ReadAllBytes(TestImages.Write(_folder, "b.png", SKColors.Gray, SKEncodedImageFormat.Png, 40, 50));

        var path = ExplanationFile.Write(image, png);
        Assert.Equal($"{image}.cam.png", path);
        Assert.True(ExplanationFile.IsExplanation(path));
        Assert.Equal([.. png[..33], .. ImageBytes.CreatePngChunk("tEXt", [.. "Software\0ResNet.Train --explain"u8]), .. png[33..]], File.ReadAllBytes(path));
        using (var read = SKBitmap.Decode(path))
            Assert.Equal((40, 50), (read.Width, read.Height));
        Assert.Equal(["a.jpg", "b.png"], Listing.ListFiles(_folder.Path).Select(file => Path.GetFileName(file)));
        ExplanationFile.Write(image, png); // again

        foreach (var other in new[] { png, [], [1, 2, 3] })
        {
            File.WriteAllBytes(path, other);
            Assert.False(ExplanationFile.IsExplanation(path));
            Assert.Equal($"{path}: expected no file, or one that --explain wrote, got another one", Assert.Throws<UserException>(() => ExplanationFile.Write(image, png)).Message);
            Assert.Equal(other, File.ReadAllBytes(path));
        }
        Assert.Equal(3, Listing.ListFiles(_folder.Path).Length);
    }

    /// <summary>The map of a network whose only evidence is brightness.</summary>
    private static float[,] ComputeBrightnessMap(Image image, ModelConfig network)
    {
        using var scope = NewDisposeScope();
        using var batch = Batch.Decode([image], network);
        using var means = nn.AvgPool2d(8);
        var features = means.call(batch.Images.mean([1], keepdim: true)).relu();
        return (float[,])ClassActivationMap.Compute(features, tensor(new float[,] { { 1 }, { -1 } }))[0][0].data<float>().ToNDArray();
    }

    private static (int Row, int Column) FindHighest(float[,] map)
    {
        var index = Enumerable.Range(0, map.Length).MaxBy(i => map[i / map.GetLength(1), i % map.GetLength(1)]);
        return (index / map.GetLength(1), index % map.GetLength(1));
    }

    /// <summary>The center of the red pixels.</summary>
    private static (double X, double Y) FindReddest(SKBitmap drawing)
    {
        var red = Enumerable.Range(0, drawing.Width * drawing.Height).Select(i => (X: i % drawing.Width, Y: i / drawing.Width))
            .Where(place => drawing.GetPixel(place.X, place.Y) is var pixel && pixel.Red > pixel.Green + 60 && pixel.Red > pixel.Blue + 60).ToArray();
        Assert.NotEmpty(red);
        return (red.Average(place => place.X + 0.5), red.Average(place => place.Y + 0.5));
    }

    /// <summary>A PNG as a rotated camera stores it.</summary>
    private static byte[] EncodeRotated(int width, int height, SKRect square, SKEncodedOrigin origin)
    {
        var (storedWidth, storedHeight) = origin >= SKEncodedOrigin.LeftTop ? (height, width) : (width, height);
        using var bitmap = new SKBitmap(storedWidth, storedHeight);
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
            {
                var (column, row) = origin switch
                {
                    SKEncodedOrigin.RightTop => (y, width - 1 - x),
                    SKEncodedOrigin.LeftBottom => (height - 1 - y, x),
                    SKEncodedOrigin.BottomRight => (width - 1 - x, height - 1 - y),
                    _ => (x, y),
                };
                bitmap.SetPixel(column, row, square.Contains(x + 0.5f, y + 0.5f) ? SKColors.White : new SKColor(120, 120, 120));
            }
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        var file = png.ToArray();
        byte[] exif = [.. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)origin, 0, 0, 0, 0, 0, 0];
        return [.. file[..33], .. ImageBytes.CreatePngChunk("eXIf", exif), .. file[33..]];
    }
}
