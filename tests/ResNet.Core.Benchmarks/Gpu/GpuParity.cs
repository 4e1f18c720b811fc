using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks.Gpu;

/// <summary>Writes to a folder what gpu.py compares with PyTorch: initial weights, and the results of ten training steps on the GPU.</summary>
internal static class GpuParity
{
    public const int Steps = 10;

    public static IReadOnlyList<ScalarType> Types { get; } = [ScalarType.Float64, ScalarType.Float32];

    public static void Write(string folder)
    {
        foreach (var name in GpuEngine.Networks)
            foreach (var type in Types)
                Write(name, type, Path.Combine(folder, FormattableString.Invariant($"{name}-{type}").ToLowerInvariant()));
    }

    private static void Write(string name, ScalarType type, string path)
    {
        manual_seed(1);
        using var model = GpuEngine.Create(name);
        model.to(type);
        Checkpoint.Save(model, path + "-before.pth", WeightNames.Torchvision);
        using var optimizer = optim.SGD(model.parameters(), learningRate: 0.001, momentum: 0.9);
        manual_seed(2); // the CPU's generator, which draws the same numbers in Python
        using var images = randn(16, 3, GpuEngine.Size, GpuEngine.Size).to(CUDA).to(type);
        using var labels = randint(0, 1000, [16]).to(CUDA);

        for (var step = 0; step < Steps; step++)
        {
            using var scope = NewDisposeScope();
            var logits = model.call(images);
            optimizer.zero_grad();
            nn.functional.cross_entropy(logits, labels).backward();
            if (step == 0)
            {
                Save(path + "-logits.bin", logits);
                Save(path + "-gradients.bin", cat([.. model.parameters().Select(parameter => parameter.grad!.flatten())]));
            }
            optimizer.step();
        }
        Checkpoint.Save(model, path + "-after.pth", WeightNames.Torchvision);
    }

    private static void Save(string path, Tensor tensor)
    {
        using var numbers = tensor.detach().to(ScalarType.Float64).cpu().contiguous();
        File.WriteAllBytes(path, MemoryMarshal.AsBytes<double>(numbers.data<double>().ToArray()));
    }
}
