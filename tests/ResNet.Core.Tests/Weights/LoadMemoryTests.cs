using System.Globalization;
using Xunit.Abstractions;

namespace ResNet.Core.Tests.Weights;

public sealed class LoadMemoryTests(ITestOutputHelper log) : IDisposable
{
    private readonly WeightsFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Measured: 102 and 103 MB for files of 100 MB.</summary>
    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void Loading_holds_one_copy_of_the_files_tensors_beside_the_modules(string extension)
    {
        var path = _folder[$"large.{extension}"];
        using (var module = ChildProcess.LargeModule())
            Checkpoint.Save(module, path);

        using var child = ChildProcess.Start("load", path);
        var grown = long.Parse(child.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture);
        child.WaitForExit();

        Assert.Equal(0, child.ExitCode);
        log.WriteLine($"loading {new FileInfo(path).Length / 1e6:0} MB takes {grown / 1e6:0} MB");
        Assert.InRange(grown, 0, new FileInfo(path).Length * 13 / 10);
    }
}
