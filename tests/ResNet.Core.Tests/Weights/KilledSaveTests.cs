using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>A process that is killed while it saves leaves a whole file: the old one or the new one.</summary>
public sealed class KilledSaveTests(ITestOutputHelper log) : IDisposable
{
    private const int Kills = 30; // of each format

    private readonly WeightsFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void The_file_is_whole_whenever_the_process_is_killed(string extension)
    {
        var path = _folder[$"model.{extension}"];
        var random = new Random(1);
        using var module = ChildProcess.Module();
        var amidst = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            using var child = ChildProcess.Start("save", path);
            Assert.Equal("started", child.StandardOutput.ReadLine());
            Thread.Sleep(random.Next(60)); // some ten saves
            child.Kill();
            child.WaitForExit();
            amidst += File.Exists($"{path}.partial") ? 1 : 0;

            using var scope = NewDisposeScope();
            Checkpoint.Load(module, path);
            var values = cat([.. module.parameters().Select(parameter => parameter.flatten())]);
            Assert.True(values[0].item<float>() >= 1);
            Assert.True(values.eq(values[0]).all().item<bool>(), "two saves are mixed in one file");
        }

        log.WriteLine($"{extension}: {amidst} of {Kills} kills came amidst a save");
        // Otherwise no save was ever interrupted, and nothing was tested.
        Assert.InRange(amidst, 1, Kills);
    }
}
