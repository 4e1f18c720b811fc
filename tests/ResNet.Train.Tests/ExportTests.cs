using ResNet.Core;
using SkiaSharp;
using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>Exports a training to ONNX, and compares the file's predictions with those of the training's weights.</summary>
public sealed class ExportTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public ExportTests() => TestImages.WriteSet(_data);

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Both_engines_predict_the_same_and_8_bits_nearly_so()
    {
        RunSuccessfully("--data", _data.Path, "--out", _out.Path, "--size", "32", "--epochs", "8", "--batch-size", "8", "--device", "cpu");
        var image = TestImages.Write(_out, "new.png", SKColors.Red, SKEncodedImageFormat.Png, 40, 50);
        AssertRefused("model.onnx, found none; export writes it", "predict", image, "--model", _out.Path, "--engine", "onnx");

        Assert.StartsWith(_out["model.onnx"], RunSuccessfully("export", _out.Path), StringComparison.Ordinal);
        Assert.StartsWith(_out["model.int8.onnx"], RunSuccessfully("export", _out.Path, "--int8"), StringComparison.Ordinal);
        Assert.True(new FileInfo(_out["model.int8.onnx"]).Length < 0.3 * new FileInfo(_out["model.onnx"]).Length);
        RunSuccessfully("export", _out["model.pth"], "--out", _out["again.onnx"]);
        Assert.True(File.ReadAllBytes(_out["again.onnx"]).AsSpan().SequenceEqual(File.ReadAllBytes(_out["model.onnx"])));

        var torch = RunSuccessfully("predict", image, "--model", _out.Path, "--device", "cpu");
        Assert.Equal(torch, RunSuccessfully("predict", image, "--model", _out.Path, "--engine", "onnx"));
        var int8 = RunSuccessfully("predict", image, "--model", _out["model.int8.onnx"], "--engine", "onnx");
        Assert.Equal(ParseFirst(torch).Name, ParseFirst(int8).Name);
        Assert.Equal(ParseFirst(torch).Percent, ParseFirst(int8).Percent, 10.0);

        var tested = Evaluate(_out.Path, "--device", "cpu");
        Assert.Equal(tested, Evaluate(_out.Path, "--engine", "onnx"));
        Assert.StartsWith("test accuracy", Evaluate(_out["model.int8.onnx"], "--engine", "onnx"), StringComparison.Ordinal);

        static (string Name, double Percent) ParseFirst(string answer)
        {
            var words = answer.Split('\n')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return (words[0], double.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public void Wrong_files_and_options_are_refused()
    {
        UntrainedRun.Write(_out, new ModelConfig(Stem.Conv7, 32, 0.875, Grayscale: false, new Normalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]), ["blue", "red", "yellow"]));
        var broken = _out.Write("broken.onnx", [1, 2, 3]);
        AssertRefused("broken.onnx: expected an ONNX network", "predict", _data["red/01.png"], "--model", broken, "--engine", "onnx");
        AssertRefused("--engine: expected Torch, Onnx", "predict", _data["red/01.png"], "--model", _out.Path, "--engine", "cntk");
        AssertRefused("expected the folder of a training run, or a file in it", "export", _data.Path);
        AssertRefused($"export: {_out["nowhere/model.onnx"]}: cannot be written", "export", _out.Path, "--out", _out["nowhere/model.onnx"]);
        AssertRefused("expected a folder", "export", _out.Path, "--int8", "--data", _out["nowhere"]);
        AssertRefused("Required argument", "export");
    }
}
