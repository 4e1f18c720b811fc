using System.Globalization;
using Xunit.Abstractions;
using static ResNet.Core.Tests.Weights.Pickled;

namespace ResNet.Core.Tests.Weights;

[Trait(Category.Name, Category.Slow)]
public sealed class LoadMemoryTests(ITestOutputHelper log) : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Measured: 102 and 103 MB for files of 100 MB.</summary>
    [Theory]
    [InlineData("pth")]
    [InlineData("legacy.pth")]
    [InlineData("safetensors")]
    public void Loading_takes_the_memory_of_one_copy_of_the_file(string extension)
    {
        var path = _folder[$"large.{extension}"];
        using (var module = ChildProcess.CreateLargeModule())
        {
            if (extension.StartsWith("legacy", StringComparison.Ordinal))
                SaveInLegacyFormat(module, path);
            else
                Checkpoint.Save(module, path);
        }

        var grown = long.Parse(ChildProcess.Run("load", path), CultureInfo.InvariantCulture);
        log.WriteLine($"loading {new FileInfo(path).Length / 1e6:0} MB takes {grown / 1e6:0} MB");
        Assert.InRange(grown, 0, new FileInfo(path).Length * 13 / 10);
    }

    /// <summary>Writes the format from before PyTorch 1.6, with all values 0.</summary>
    private static void SaveInLegacyFormat(TorchSharp.torch.nn.Module module, string path)
    {
        var state = module.state_dict();
        using var file = File.Create(path);
        file.Write([.. LegacyStart, .. Proto, .. "}("u8, .. state.SelectMany(entry => (byte[])
            [
                .. Text(entry.Key),
                .. Tensor(LegacyStorage(key: entry.Key, count: entry.Value.numel()), 0, Ints(entry.Value.shape), Ints(entry.Value.stride())),
            ]), .. "u."u8, .. Keys(state.Keys)]);
        foreach (var tensor in state.Values)
        {
            file.Write(Int64(tensor.numel()));
            file.SetLength(file.Position + 4 * tensor.numel());
            file.Position = file.Length;
        }
    }
}
