using static ResNet.Tests.SampleProgram;

namespace ResNet.Degradation.Tests;

public sealed class ProgramTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new();

    public ProgramTests() => Idx.WriteSet(_data);

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact]
    public void It_trains_all_four_networks_and_writes_curves_and_numbers()
    {
        var (code, output, error) = Run("--data", _data.Path, "--out", _out.Path, "--epochs", "2", "--batch-size", "30", "--seeds", "2");

        Assert.Equal((0, ""), (code, error));
        var lines = output.ReplaceLineEndings("\n").Split('\n');
        foreach (var network in new[] { "plain-20", "plain-56", "residual-20", "residual-56" })
        {
            Assert.Equal(4, lines.Count(line => line.Contains($"{network}  epoch ", StringComparison.Ordinal)));
            Assert.Single(lines, line => line.StartsWith($"{network} ", StringComparison.Ordinal) && line.Contains(" ± ", StringComparison.Ordinal));
        }
        Assert.Single(lines, line => line.StartsWith("56 layers against 20, ", StringComparison.Ordinal));
        Assert.DoesNotContain('\e', output);
        Assert.DoesNotContain('\r', output.ReplaceLineEndings("\n"));
        Assert.Equal(["degradation.png", "errors.csv"], Directory.GetFileSystemEntries(_out.Path).Select(Path.GetFileName).Order());
        foreach (var name in new[] { "degradation.png", "errors.csv" })
            Assert.Contains(_out[name], output, StringComparison.Ordinal);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(_out["degradation.png"])[..4]);
        Assert.Equal(1 + 2 * 4 * 2, File.ReadAllLines(_out["errors.csv"]).Length);
    }

    [Fact]
    public void It_trains_the_named_networks_in_their_order()
    {
        var (code, output, error) = Run("--data", _data.Path, "--out", _out.Path, "--epochs", "1", "--batch-size", "30", "--networks", "residual-20, plain-20");

        Assert.Equal((0, ""), (code, error));
        Assert.StartsWith("residual-20, plain-20 on cpu", output, StringComparison.Ordinal);
        Assert.Equal(["residual-20", "plain-20"], File.ReadAllLines(_out["errors.csv"]).Skip(1).Select(line => line.Split(',')[1]));
    }

    [Theory]
    [InlineData("--epochs: expected a whole number from 1 to 10000, got '0'", "--epochs", "0")]
    [InlineData("--batch-size: expected a whole number from 2 to 4096, got '1'", "--batch-size", "1")]
    [InlineData("--lr: expected a number above 0, got 'NaN'", "--lr", "NaN")]
    [InlineData("--lr: expected a number above 0, got '0,01'; write decimals with a point", "--lr", "0,01")]
    [InlineData("--epochs: expected a whole number from 1 to 10000, got '1,000'", "--epochs", "1,000")]
    [InlineData(@"got '\x1b[31m'", "--data", "\e[31m")]
    [InlineData("--size: expected 28 or 14, got '32'", "--size", "32")]
    [InlineData("--networks: expected plain-20, plain-56, residual-20, residual-56, got 'plain'", "--networks", "residual-20,plain")]
    [InlineData("--networks: expected each network once, got 'plain-20, plain-20'", "--networks", "plain-20, plain-20")]
    [InlineData("--seeds: expected a whole number from 1 to 1000, got '0'", "--seeds", "0")]
    [InlineData("--device: expected auto, cpu, cuda or cuda:N, got 'tpu'", "--device", "tpu")]
    [InlineData("--data: expected a folder", "--data", "no/such/folder")]
    [InlineData("--out: expected a folder that can be written", "--out", "")]
    [InlineData("'--bogus'", "--bogus")]
    [InlineData("plain-20: the loss became", "--lr", "1e30")]
    public void A_bad_value_is_refused_in_one_line(string message, params string[] arguments)
    {
        // The other options are good.
        string[][] good = [["--data", _data.Path], ["--out", _out.Path], ["--epochs", "2"], ["--batch-size", "16"]];
        AssertRefused(message, [.. good.Where(option => !arguments.Contains(option[0])).SelectMany(option => option), .. arguments]);
    }

    [Fact]
    public void Help_lists_the_options_and_trains_nothing()
    {
        var (code, output, error) = Run("--help");

        Assert.Equal((0, ""), (code, error));
        Assert.All(["--data", "--epochs", "--batch-size", "--lr", "--size", "--seeds", "--device", "--out"], option => Assert.Contains(option, output, StringComparison.Ordinal));
    }

    [SignalFact(2)]
    public void Ctrl_C_keeps_the_epochs_so_far()
    {
        using var program = Start("--data", _data.Path, "--out", _out.Path, "--epochs", "10000", "--batch-size", "30");
        var error = program.StandardError.ReadToEndAsync();
        while (program.StandardOutput.ReadLine() is { } line && !line.StartsWith("plain-20  epoch ", StringComparison.Ordinal)) { }
        Signal.Send("INT", program.Id);
        var output = program.StandardOutput.ReadToEnd();
        program.WaitForExit();

        Assert.Equal((130, ""), (program.ExitCode, error.Result));
        Assert.Contains("interrupted after ", output, StringComparison.Ordinal);
        Assert.Contains(" of 40000 epochs", output, StringComparison.Ordinal);
        Assert.Equal(["degradation.png", "errors.csv"], Directory.GetFileSystemEntries(_out.Path).Select(Path.GetFileName).Order());
    }
}
