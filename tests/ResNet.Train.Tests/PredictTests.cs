using ResNet.Core;
using SkiaSharp;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>Predictions for many images: folders, tables and explanations. The network is untrained.</summary>
public sealed class PredictTests : IDisposable
{
    private const string Blue = "blue, \"light\"";

    private readonly TempFolder _images = new(), _run = new();

    public PredictTests() =>
        UntrainedRun.Write(_run, new ModelConfig(Stem.Conv7, 32, 0.875, Grayscale: false, new Normalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]), [Blue, "red"]));

    public void Dispose()
    {
        _images.Dispose();
        _run.Dispose();
    }

    [Fact]
    public void Every_image_of_a_folder_gets_a_line_and_the_classes_are_counted()
    {
        WriteImages("b/2.png", "b/deeper/1.png", "a.png");
        _images.Write("notes.txt", "no image"u8.ToArray());
        var broken = _images.Write("b/broken.jpg", [0xff, 0xd8, 0xff, 1, 2, 3]);
        var empty = _images.Write("b/empty.jpg", []);

        var (code, output, error) = Predict(_images.Path);

        Assert.Equal(1, code);
        var lines = SplitLines(output);
        Assert.Equal(["a.png", "b/2.png", "b/deeper/1.png"], lines[..3].Select(line => Path.GetRelativePath(_images.Path, line.Split(" %  ")[1]).Replace('\\', '/')));
        Assert.All(lines[..3], line => Assert.Matches("^(blue, \"light\"|red          )  [ 0-9]+\\.[0-9] %  ", line));
        Assert.Equal("", lines[3]);
        Assert.Matches("^3 images, [0-9.]+ images/s$", lines[4]);
        Assert.Equal(3, lines[5..].Sum(line => int.Parse(line[^6..], System.Globalization.CultureInfo.InvariantCulture)));
        var problems = SplitLines(error);
        Assert.Equal(3, problems.Length);
        Assert.All([$"{_images.Path}: skipped 1 file such as {_images["notes.txt"]}: a text file", $"{broken}: expected a whole image", $"{empty}: expected a file with something in it"],
            problem => Assert.Single(problems, line => line.StartsWith(problem, StringComparison.Ordinal)));
    }

    [Fact]
    public void The_table_has_every_probability_and_exact_names()
    {
        var name = OperatingSystem.IsWindows() ? "a, b.png" : "a, \"b\"\n=c.png";
        WriteImages(name, "plain.png");
        var missing = _images["missing.png"];
        var table = _run.Write("table.csv", [1, 2, 3]);

        var (code, output, error) = Predict(_images[name], missing, _images["plain.png"], "--csv", table);

        Assert.Equal(1, code);
        Assert.StartsWith($"{missing}: cannot be read", error, StringComparison.Ordinal);
        Assert.StartsWith("2 images, ", output, StringComparison.Ordinal);
        var text = File.ReadAllText(table);
        Assert.StartsWith("file,class,probability,\"blue, \"\"light\"\"\",red\n", text, StringComparison.Ordinal);
        Assert.Contains($"\n\"{_images[name].Replace("\"", "\"\"", StringComparison.Ordinal)}\",", text, StringComparison.Ordinal);
        var plain = text.TrimEnd().Split('\n')[^1];
        Assert.StartsWith(_images["plain.png"] + ",", plain, StringComparison.Ordinal);
        float[] numbers = [.. plain.Split(',').Where(field => char.IsDigit(field[0])).Select(field => float.Parse(field, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(3, numbers.Length);
        Assert.Equal(1, numbers[1] + numbers[2], 1e-6f);
        Assert.Equal(Math.Max(numbers[1], numbers[2]), numbers[0]);
        Assert.EndsWith(numbers[1] > numbers[2] ? $",\"blue, \"\"light\"\"\",{Format(numbers[0])},{Format(numbers[1])},{Format(numbers[2])}" : $",red,{Format(numbers[0])},{Format(numbers[1])},{Format(numbers[2])}", plain, StringComparison.Ordinal);

        var (_, standard, problem) = Predict(_images[name], missing, _images["plain.png"], "--csv", "-");
        Assert.Equal((text, error), (standard, problem));

        static string Format(float number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Refused_commands_change_no_files()
    {
        WriteImages("a.png", "b.png");
        var before = File.ReadAllBytes(_images["a.png"]);
        AssertRefused($"--csv: expected a file for the table, got '{_images["a.png"]}', which is an image", "predict", "--csv", _images["a.png"], _images["b.png"], "--model", _run.Path);
        Assert.Equal(before, File.ReadAllBytes(_images["a.png"]));
        AssertRefused($"--csv: {_images["nothing/table.csv"]}: cannot be written", "predict", _images["b.png"], "--csv", _images["nothing/table.csv"], "--model", _run.Path);
        AssertRefused("--explain: expected --engine Torch", "predict", _images["b.png"], "--explain", "--engine", "onnx", "--model", _run.Path);

        Directory.CreateDirectory(_images["empty"]);
        File.WriteAllText(_images["empty/.hidden"], "");
        var table = _run.Write("table.csv", [1, 2, 3]);
        var (code, _, error) = Predict(_images["empty"], "--csv", table);
        Assert.Equal([$"{_images["empty"]}: expected JPEG, PNG, WebP, GIF or BMP images, found none", "--csv: expected readable images, got none; the table is not written"], SplitLines(error));
        Assert.Equal((1, 3), (code, File.ReadAllBytes(table).Length));
    }

    [Fact]
    public void Without_a_model_the_last_training_answers_and_is_named()
    {
        WriteImages("a.png");
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["runs"]);
        CopyRun(folder, "earlier");
        File.SetLastWriteTimeUtc(folder["runs/earlier/model.safetensors"], DateTime.UtcNow.AddHours(-1));
        CopyRun(folder, "last");

        var (code, output, error) = RunIn(folder.Path, "predict", _images["a.png"], "--csv", "-", "--device", "cpu");
        Assert.Equal((0, $"model  {Path.Combine("runs", "last")} (the last training)"), (code, error.TrimEnd()));
        Assert.StartsWith("file,class,", output, StringComparison.Ordinal);

        File.WriteAllBytes(folder["runs/last/settings.json"], new Settings(_images.Path, null, Recipe.Photographs with { Epochs = 5 }, 1, "cpu", Precision.Fp32, ChannelsLast: false).ToJson());
        Assert.EndsWith(" (the last training, after 0 of 5 epochs)", RunIn(folder.Path, "predict", _images["a.png"], "--device", "cpu").Error.TrimEnd(), StringComparison.Ordinal);
        File.WriteAllText(folder["runs/last/metrics.csv"], "epoch,training_loss\n1,0.5\n");
        Assert.Equal($"model  {Path.Combine("runs", "last")} (the last training, after 1 of 5 epochs)", RunIn(folder.Path, "predict", _images["a.png"], "--device", "cpu").Error.TrimEnd());
        Assert.Equal("", Predict(_images["a.png"]).Error); // a named model needs no line
    }

    [Fact]
    public void A_folder_without_images_gets_its_message_alone()
    {
        Directory.CreateDirectory(_images["empty"]);
        var (code, output, error) = Predict(_images["empty"]);
        Assert.Equal((1, "", $"{_images["empty"]}: expected JPEG, PNG, WebP, GIF or BMP images, found none"), (code, output, error.TrimEnd()));
    }

    [Fact]
    public void A_model_that_is_no_training_run_is_explained()
    {
        WriteImages("a.png");
        using var folder = new TempFolder();
        AssertRefused($"expected the folder of a training run, or a file in it, got '{folder["nope"]}', which does not exist", "predict", _images["a.png"], "--model", folder["nope"]);
        AssertRefused($"expected the folder of a training run, or a file in it, got '{folder.Path}', which has no network.json", "predict", _images["a.png"], "--model", folder.Path);
        File.Copy(_run["model.safetensors"], folder["alone.safetensors"]);
        AssertRefused($"expected the folder of a training run, or a file in it, got '{folder["alone.safetensors"]}', which has no network.json beside it: weights alone lack the classes and the normalization", "predict", _images["a.png"], "--model", folder["alone.safetensors"]);
        AssertRefused($"resume: expected the folder of a training run, got '{folder["nope"]}', which does not exist", "resume", folder["nope"]);
    }

    [Fact]
    public void An_8_bit_file_without_its_engine_is_refused()
    {
        WriteImages("any/a.png");
        RunSuccessfully("export", _run.Path, "--int8", "--data", _images.Path);
        foreach (var arguments in new string[][] { ["predict", _images["any/a.png"], "--model"], ["evaluate", "--data", _images.Path] })
            AssertRefused("; --engine onnx computes with files from export", [.. arguments, _run["model.int8.onnx"], "--device", "cpu"]);
    }

    [Fact]
    public void An_explanation_is_written_beside_each_image_and_is_not_predicted_itself()
    {
        WriteImages("a.png", "sub/b.png");
        _images.Write("sub/b.png.cam.png", [1, 2, 3]); // a file of the user's own
        Assert.Contains($"\n  explained in {_images["a.png"]}.cam.png", Predict(_images["a.png"], "--explain").Output.ReplaceLineEndings("\n"), StringComparison.Ordinal);

        Assert.DoesNotContain("explained", Predict(_images["sub/b.png"], "--explain").Output, StringComparison.Ordinal);

        var (code, output, error) = Predict(_images.Path, "--explain");

        Assert.Equal(1, code);
        Assert.Contains($"{_images["sub/b.png"]}.cam.png: expected no file, or".Replace('/', Path.DirectorySeparatorChar), error.Replace('/', Path.DirectorySeparatorChar), StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_images["sub/b.png.cam.png"]));
        Assert.Contains("\n2 images, ", output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        using var drawing = SKBitmap.Decode(_images["a.png.cam.png"]);
        Assert.True(drawing.Height is 320 && drawing.Width % 256 == 0); // 256x320, from 40x50, for each of one or two classes
    }

    [SignalFact(2)]
    public void Ctrl_C_ends_it_and_leaves_no_partial_table()
    {
        WriteImages([.. Enumerable.Range(0, 40).Select(i => $"{i}.png")]);
        string[] many = [.. Enumerable.Repeat(_images.Path, 300)];
        using var program = Start(["predict", .. many, "--model", _run.Path, "--device", "cpu", "--csv", _run["table.csv"]]);
        var error = program.StandardError.ReadToEndAsync();
        while (!Directory.EnumerateFiles(_run.Path, "*.partial").Any() && !program.HasExited)
            Thread.Sleep(10);
        Signal.Send("INT", program.Id);
        program.WaitForExit();

        Assert.Equal((130, ""), (program.ExitCode, error.Result));
        Assert.Equal(["model.safetensors", "network.json"], Directory.EnumerateFiles(_run.Path).Select(path => Path.GetFileName(path)).Order());
    }

    [UnixFact]
    public void Circular_links_are_not_followed()
    {
        WriteImages("a/1.png", "b/2.png");
        Directory.CreateSymbolicLink(_images["a/up"], _images.Path);
        Directory.CreateSymbolicLink(_images["b/a"], _images["a"]);
        File.CreateSymbolicLink(_images["b/3.png"], _images["b/2.png"]);
        var images = NamedImages.Find([_images.Path], default);
        Assert.Equal(["a/1.png", "b/2.png"], images.Enumerate().Select(image => image.GetNameIn(_images.Path)));
        Assert.Equal(ExitCode.Done, images.Code);
        Assert.Throws<OperationCanceledException>(() => NamedImages.Find([_images.Path], new CancellationToken(canceled: true)));
    }

    [Fact]
    public void An_image_gets_the_same_probabilities_in_a_batch_as_alone()
    {
        for (var i = 0; i < 40; i++)
            TestImages.Write(_images, $"{i:00}.png", new SKColor((byte)(6 * i), (byte)(250 - 6 * i), 90), SKEncodedImageFormat.Png, 40 + i, 50);
        _images.Write("17.png", [0xff, 0xd8, 0xff]);
        using var predictor = Predictor.Load(_run.Path, Engine.Torch, "cpu");
        var images = NamedImages.Find([_images.Path], default).Enumerate().ToArray();
        using var scope = NewDisposeScope();

        var parts = predictor.Predict(images, default).ToArray();
        var together = parts.SelectMany(part => part.Enumerate()).ToArray();

        Assert.Equal(images.Where((_, i) => i != 17), together.Select(answer => answer.Image));
        Assert.StartsWith(images[17].Name + ": ", Assert.Single(parts.SelectMany(part => part.Broken)), StringComparison.Ordinal);
        foreach (var (image, probabilities) in together)
            Assert.All(probabilities.Zip(predictor.Predict([image], default).Single().Enumerate().Single().Output), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        Assert.NotEqual(together[0].Output[0], together[^1].Output[0], 1e-3f);
        Assert.Throws<OperationCanceledException>(() => predictor.Predict(images, new CancellationToken(canceled: true)).Count());
    }

    private (int Code, string Output, string Error) Predict(params string[] arguments) => Run(["predict", .. arguments, "--model", _run.Path, "--device", "cpu"]);

    private void CopyRun(TempFolder folder, string name)
    {
        Directory.CreateDirectory(folder[$"runs/{name}"]);
        foreach (var file in new[] { "network.json", "model.safetensors" })
            File.Copy(_run[file], folder[$"runs/{name}/{file}"]);
    }

    private static string[] SplitLines(string output) => output.ReplaceLineEndings("\n").TrimEnd().Split('\n');

    private void WriteImages(params string[] names)
    {
        foreach (var (i, name) in names.Index())
            TestImages.Write(_images, name, new SKColor((byte)(100 * i), 100, 200), SKEncodedImageFormat.Png, 40, 50);
    }
}
