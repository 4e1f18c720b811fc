using System.Diagnostics;
using ResNet.Core.Tests.Parity;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Real torchvision and this library load each other's files.</summary>
public sealed class TorchvisionTests(ITestOutputHelper log) : IDisposable
{
    /// <summary>The networks that are also saved as .safetensors: one for each kind of block.</summary>
    private static readonly string[] inBothFormats = ["resnet18", "resnet50", "resnext50_32x4d"];

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Compares the outputs, too. Measured: at most 3e-6 of the largest output apart.</summary>
    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public async Task Every_network_loads_strictly_in_both_directions()
    {
        using var torchvision = PyTorchFactAttribute.Start("family", _folder.Path);
        foreach (var architecture in Family.Names.Select<object[], string>(row => (string)row[0]))
        {
            var clock = Stopwatch.StartNew();
            var tensors = await torchvision.AskAsync(architecture);
            using var scope = NewDisposeScope();
            using var model = Family.Create(architecture, 10, Stem.Conv7MaxPool);
            var report = Checkpoint.Load(model, _folder["theirs.pth"]);
            Assert.True(report.IsComplete);
            Assert.Equal(tensors, $"{report.Loaded.Count} tensors");
            File.Delete(_folder["theirs.pth"]);
            var difference = AssertOutputs(model, architecture);

            foreach (var file in inBothFormats.Contains(architecture) ? (string[])["ours.pth", "ours.safetensors"] : ["ours.pth"])
            {
                Checkpoint.Save(model, _folder[file], WeightNames.Torchvision);
                Assert.Equal("the same network", await torchvision.AskAsync(file));
                File.Delete(_folder[file]);
            }
            log.WriteLine($"{architecture}: {tensors}, outputs at most {difference:e1} apart, {clock.Elapsed.TotalSeconds:f1} s");
        }
    }

    private double AssertOutputs(ResidualNetwork model, string architecture)
    {
        model.eval();
        using var outputs = new TensorBag(("x0", zeros(2, 3, 64, 64)), ("y0", zeros(2, 10)), ("x1", zeros(1, 3, 47, 33)), ("y1", zeros(1, 10)));
        Checkpoint.Load(outputs, _folder["outputs.pth"]);
        var state = outputs.state_dict();
        var comparison = new Comparison(1e-5);
        for (var i = 0; i < 2; i++)
            using (no_grad())
                comparison.AssertClose(Fixture.ReadValues(state[$"y{i}"]), Fixture.ReadValues(model.forward(state[$"x{i}"])), $"outputs {i} of {architecture}");
        return comparison.Largest;
    }
}
