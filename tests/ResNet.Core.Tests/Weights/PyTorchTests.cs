using ResNet.Core.Tests.Parity;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Real PyTorch reads the files saved here, and its weights give the same network here.</summary>
[Trait(Category.Name, Category.Slow)]
public sealed class PyTorchTests(ITestOutputHelper log) : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [PyTorchFact]
    public void PyTorch_loads_a_ResNet18_strictly_with_equal_tensors_in_its_own_order()
    {
        var order = Fixture.Read<System.Text.Json.JsonElement>("weights").GetProperty("networks")[0].GetProperty("state_dict").EnumerateArray().Select(entry => entry.GetProperty("name").GetString()!).ToList();
        using var model = new ResNet18(7);
        using (var x = rand(2, 3, 32, 32))
        using (model.forward(x))
        {
        }
        Checkpoint.Save(model, _folder["model.pth"]);
        Assert.Equal(order.Select(name => FormatTensor(name, model.state_dict()[name])), SplitLines(PyTorchFactAttribute.Run("read", _folder["model.pth"], "7")));

        Checkpoint.Save(model, _folder["model.safetensors"]);
        Assert.Equal(order.Select(name => FormatTensor(name, model.state_dict()[name])).Order(StringComparer.Ordinal), SplitLines(PyTorchFactAttribute.Run("read", _folder["model.safetensors"], "7")).Order(StringComparer.Ordinal));
    }

    [PyTorchFact]
    public void PyTorch_reads_every_type_unchanged()
    {
        using var bag = LoadTests.CreateBagOfEveryType();
        foreach (var file in (string[])["types.pth", "types.safetensors"])
        {
            Checkpoint.Load(bag, WeightsFixture.Find(file));
            Checkpoint.Save(bag, _folder[file]);
            Assert.Equal(PyTorchFactAttribute.Run("read", WeightsFixture.Find(file)).Split('\n').Order(StringComparer.Ordinal), PyTorchFactAttribute.Run("read", _folder[file]).Split('\n').Order(StringComparer.Ordinal));
        }
    }

    /// <summary>Measured: equal bit for bit, or 1e-6 of the largest output apart.</summary>
    [PyTorchFact]
    public void Torchvisions_weights_give_torchvisions_outputs()
    {
        PyTorchFactAttribute.Run("torchvision", _folder.Path);
        using var scope = NewDisposeScope();
        using var model = new ResNet18(1000, Stem.Conv7MaxPool);
        Assert.Equal(122, Checkpoint.Load(model, _folder["resnet18.pth"]).Loaded.Count);
        Assert.Equal(17, model.layer4.state_dict()["1.bn2.num_batches_tracked"].item<long>());
        model.eval();

        using var outputs = new TensorBag(
            ("x0", zeros(2, 3, 224, 224)), ("y0", zeros(2, 1000)), ("x1", zeros(3, 3, 97, 64)), ("y1", zeros(3, 1000)), ("x2", zeros(1, 3, 32, 32)), ("y2", zeros(1, 1000)));
        Checkpoint.Load(outputs, _folder["outputs.pth"]);
        var state = outputs.state_dict();
        var comparison = new Comparison(1e-5);
        for (var i = 0; i < 3; i++)
            using (no_grad())
                comparison.AssertClose(Fixture.ReadValues(state[$"y{i}"]), Fixture.ReadValues(model.forward(state[$"x{i}"])), $"outputs {i}");
        log.WriteLine($"outputs are at most {comparison.Largest:e1} apart");
    }

    private static string FormatTensor(string name, Tensor tensor) =>
        $"{name}|{(tensor.dtype == ScalarType.Int64 ? "int64" : "float32")}|[{string.Join(", ", tensor.shape)}]|{Fixture.ComputeSha256(tensor)}";

    private static string[] SplitLines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
