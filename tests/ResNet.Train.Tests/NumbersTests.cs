using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>A number is read exactly as it is written, or refused.</summary>
public class NumbersTests
{
    [Theory]
    [InlineData("0.02", 0.02)]
    [InlineData("1e-3", 1e-3)]
    [InlineData("2.5E-06", 2.5e-6)]
    [InlineData(".5", 0.5)]
    [InlineData("5.", 5)]
    [InlineData("1234.5", 1234.5)]
    public void A_number_is_read_as_it_is_written(string text, double value) => Assert.Equal(value, Limit.AboveZero.Parse("--lr", text));

    [Theory]
    [InlineData("0,02")]
    [InlineData("1,000")]
    [InlineData("1,000.5")]
    [InlineData("1.000,5")]
    [InlineData("1_000")]
    [InlineData("1 000")]
    [InlineData(" 5")]
    [InlineData("5 ")]
    [InlineData("5\n")]
    [InlineData("(5)")]
    [InlineData("$5")]
    [InlineData("5%")]
    [InlineData("5f")]
    [InlineData("0x10")]
    [InlineData("1/2")]
    [InlineData("५")]
    [InlineData("٠٫٥")]
    [InlineData("½")]
    [InlineData("1e400")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("∞")]
    [InlineData("1e")]
    [InlineData("1.2.3")]
    [InlineData("")]
    public void Text_that_is_no_number_is_refused(string text)
    {
        var problem = Assert.Throws<UserException>(() => Limit.AboveZero.Parse("--lr", text));
        Assert.StartsWith($"--lr: expected a number above 0, got '{text}'", problem.Message, StringComparison.Ordinal);
        Assert.Equal(text.Contains(','), problem.Message.EndsWith("; write decimals with a point, such as 0.02", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("1,000")]
    [InlineData("1.000")]
    [InlineData("5.0")]
    [InlineData("1e3")]
    [InlineData(" 5")]
    [InlineData("5 ")]
    [InlineData("0x10")]
    [InlineData("५")]
    [InlineData("99999999999")]
    [InlineData("4294967301")] // 5 in 32 bits
    public void Text_that_is_no_whole_number_is_refused(string text)
    {
        var problem = Assert.Throws<UserException>(() => Limits.Epochs.Parse("--epochs", text));
        Assert.StartsWith($"--epochs: expected a whole number from 1 to 10000, got '{text}'", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--lr: expected a number above 0, got '0,02'; write decimals with a point, such as 0.02", "--lr", "0,02")]
    [InlineData("--flip: expected a number from 0 to 1, got '0,5'; write decimals", "--flip=0,5")]
    [InlineData("--epochs: expected a whole number from 1 to 10000, got '1,000'; write whole numbers with digits only", "--epochs:1,000")]
    [InlineData("Option '--lr' expects a single argument but 2 were provided", "--lr", "0.1", "--lr", "0.2")]
    [InlineData("'6'", "--epochs", "5", "6")]
    [InlineData("--stem: expected Conv7, Conv7MaxPool, Conv3, got 'Conv7,Conv3'", "--stem", "Conv7,Conv3")]
    [InlineData("--epochs: expected the options of evaluate after its name", "--epochs", "5", "evaluate", "run")]
    [InlineData("--data: expected the options of evaluate after its name", "--data", "images", "evaluate", "run")]
    [InlineData("got '@file'", "--lr", "@file")]
    public void Misplaced_words_on_the_command_line_are_refused(string message, params string[] arguments) =>
        AssertRefused(message, arguments.Contains("evaluate") ? arguments : [.. arguments, "--data", "nowhere"]); // so that nothing is trained if the arguments pass

    [Theory]
    [InlineData("cuda:+0")]
    [InlineData("cuda: 0")]
    [InlineData("cuda:0 ")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:0x0")]
    [InlineData("cuda:०")]
    [InlineData("cuda:0,0")]
    [InlineData("cuda:")]
    [InlineData("cuda:4294967296")] // 0 in 32 bits
    public void The_number_of_a_GPU_has_digits_only(string name)
    {
        var problem = Assert.Throws<UserException>(() => Devices.Find(name));
        Assert.Equal($"--device: expected auto, cpu, cuda or cuda:N, got '{name}'", problem.Message);
    }

    [Theory]
    [InlineData("evaluate: expected the folder of a training run, or a file in it, got ''", "evaluate", "")]
    [InlineData("resume: expected the folder of a training run, got ''", "resume", "")]
    [InlineData("export: expected the folder of a training run, or a file in it, got ''", "export", "")]
    [InlineData("predict: expected an image, or a folder of images, got ''", "predict", "a.png", "")]
    [InlineData("--model: expected the folder of a training run, or a file in it, got ''", "predict", "a.png", "--model", "")]
    [InlineData("--out: expected a file that can be written, got ''", "export", "run", "--out", "")]
    [InlineData("--data: expected a folder, got ''", "evaluate", "run", "--data", "")]
    [InlineData("--device: expected auto, cpu, cuda or cuda:N, got ''", "--device", "")]
    [InlineData("--out: expected a folder that can be written, got the option '--channels-last'; a folder with that name is ./--channels-last", "--data", "nowhere", "--out", "--channels-last")]
    [InlineData("--out: expected a file that can be written, got the option '--int8'; a file with that name is ./--int8", "export", "r", "--out", "--int8")]
    [InlineData("--data: expected a folder, got the option '--epochs'; a folder", "--data", "--epochs", "2")]
    [InlineData("--model: expected the folder of a training run, or a file in it, got the option '--engine'", "predict", "a.png", "--model", "--engine", "onnx")]
    [InlineData("--device: expected auto, cpu, cuda or cuda:N, got the option '--epochs'. ", "--device", "--epochs", "2")]
    [InlineData("--lr: expected a number above 0, got '--data'", "--lr", "--data", "nope")]
    [InlineData("--stem: expected Conv7, Conv7MaxPool, Conv3, got '--data'", "--stem", "--data", "nope")]
    [InlineData("--lr: expected a number above 0, got '--data'", "--lr=", "--data", "nope")]
    public void A_missing_value_is_refused(string message, params string[] arguments) => AssertRefused(message, arguments);

    [Theory]
    [InlineData(0.0123456, "0.0123")]
    [InlineData(1.23456e-6, "1.23e-06")]
    [InlineData(1e-6, "1e-06")]
    [InlineData(0.5, "0.5")]
    public void A_rate_is_written_with_its_significant_digits_and_read_back(double rate, string text)
    {
        Assert.Equal(text, Digits.FormatRate(rate));
        Assert.InRange(Limits.LearningRate.Parse("--lr", text) / rate, 0.99, 1.01);
    }

    [Theory]
    [InlineData(2.302585, "2.303")]
    [InlineData(0.0123456, "0.0123")]
    [InlineData(0.0000123456, "1.23e-05")]
    [InlineData(0, "0.000")]
    [InlineData(1234.5678, "1234.568")]
    [InlineData(double.NaN, "NaN")]
    public void A_loss_is_written_with_its_significant_digits(double loss, string text) => Assert.Equal(text, Digits.FormatLoss(loss));
}
