using static TorchSharp.torch;

namespace ResNet.Core.Comparison;

/// <summary>Compares outputs with those of torchvision's ResNet-50, whose weights are in files.</summary>
internal sealed class Answers(string folder)
{
    /// <summary>Describes how far a library's outputs with the weights of a file are from torchvision's, relative to the largest; or why the file does not load.</summary>
    public string Compare(Loader loader, string file)
    {
        using var scope = NewDisposeScope();
        using var network = loader.CreateNetwork("resnet50", 1000);
        try
        {
            loader.Load(network, Path.Combine(folder, file));
        }
        catch (Exception e)
        {
            return $"not loaded ({e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")})";
        }
        network.eval();
        using var inference = inference_mode();
        var expected = Read("answers.bin").reshape(2, 1000);
        var actual = network.call(Read("images.bin").reshape(2, 3, 224, 224));
        return $"loaded, answers {((actual - expected).abs().max() / expected.abs().max()).item<float>():0.0e0} apart";
    }

    private Tensor Read(string name)
    {
        var raw = File.ReadAllBytes(Path.Combine(folder, name));
        var numbers = new float[raw.Length / sizeof(float)];
        Buffer.BlockCopy(raw, 0, numbers, 0, raw.Length);
        return tensor(numbers);
    }
}
