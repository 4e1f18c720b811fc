using ResNet.Core.Deployment;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>
/// For an image with NaN or infinities the model gives outputs that are not finite, and fused and exported networks must do the same. Finite
/// outputs would look like a prediction.
/// </summary>
public sealed class NonFiniteTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory, Trait(Category.Name, Category.Slow)]
    [CpuData(Stem.Conv7, ScalarType.Float32)]
    [CpuData(Stem.Conv7MaxPool, ScalarType.Float32)]
    [CpuData(Stem.Conv3, ScalarType.Float32)]
    [CpuData(Stem.Conv7MaxPool, ScalarType.Float64)]
    [CpuData(Stem.Conv7MaxPool, ScalarType.Float16)]
    [CpuData(Stem.Conv7MaxPool, ScalarType.BFloat16)]
    [CudaData(Stem.Conv7MaxPool, ScalarType.Float32)]
    [CudaData(Stem.Conv7MaxPool, ScalarType.Float16)]
    public void A_nonfinite_image_gets_nonfinite_outputs_and_the_other_images_keep_theirs(string device, Stem stem, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(10, stem).to(new Device(device), dtype);
        using var fused = model.Fuse();
        model.eval();
        AssertOneRowIsNotFinite(x => model.call(x), x => fused.call(x), dtype, new Device(device));
    }

    /// <summary>This holds for files in float32.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData(Stem.Conv7)]
    [InlineData(Stem.Conv7MaxPool)]
    [InlineData(Stem.Conv3)]
    public void A_nonfinite_image_gets_nonfinite_outputs_in_ONNX_Runtime_too(Stem stem)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(10, stem);
        OnnxExporter.Export(model, _folder["model.onnx"]);
        model.eval();
        using var session = new OnnxSession(_folder["model.onnx"]);
        AssertOneRowIsNotFinite(x => model.call(x), session.Run, ScalarType.Float32, CPU);
    }

    /// <summary>The values are finite and overflow on the way: NaN appears inside the network, not in the image.</summary>
    [Theory]
    [InlineData(Stem.Conv7)]
    [InlineData(Stem.Conv7MaxPool)]
    [InlineData(Stem.Conv3)]
    public void An_image_that_overflows_float32_gets_nonfinite_outputs(Stem stem)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(10, stem);
        using var fused = model.Fuse();
        model.eval();
        var x = randn(3, 3, 40, 33);
        var before = fused.call(x);
        using (no_grad())
            x[1].copy_(x[1].sign() * 3e38f);
        Assert.True(x.isfinite().all().item<bool>());
        AssertFinite([true, false, true], model.call(x));
        var after = fused.call(x);
        AssertFinite([true, false, true], after);
        Assert.True(after[0].equal(before[0]).all().item<bool>());
        Assert.True(after[2].equal(before[2]).all().item<bool>());
    }

    /// <summary>Tries pixels at the edge and pixels that strides skip, every row, and kernels for one image and for several.</summary>
    private static void AssertOneRowIsNotFinite(Func<Tensor, Tensor> model, Func<Tensor, Tensor> other, ScalarType dtype, Device device)
    {
        using var _ = no_grad();
        foreach (var (images, height, width) in ((int, int, int)[])[(3, 33, 40), (1, 32, 32)])
        {
            using var scope = NewDisposeScope();
            var x = randn([images, 3, height, width], dtype, device);
            for (var i = 0; i < SizedPrograms.CallsBefore; i++)
                other(x); // so that the size gets its own weights
            var before = other(x);
            AssertFinite([.. Enumerable.Repeat(true, images)], before);
            var row = 0;
            foreach (var value in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
                foreach (var (y, column) in ((int, int)[])[(0, 0), (5, 7), (height - 1, width - 1)])
                {
                    var changed = x.clone();
                    changed[row, 1, y, column] = tensor(value, dtype, device);
                    var expected = Enumerable.Range(0, images).Select(image => image != row).ToArray();
                    AssertFinite(expected, model(changed));
                    var after = other(changed);
                    AssertFinite(expected, after);
                    for (var i = 0; i < images; i++)
                        Assert.True(i == row || after[i].equal(before[i]).all().item<bool>());
                    row = (row + 1) % images;
                }
        }
    }

    /// <summary>Asserts for each row whether all its values are finite.</summary>
    private static void AssertFinite(bool[] expected, Tensor logits) => Assert.Equal(expected, logits.isfinite().all(1).data<bool>().ToArray());
}
