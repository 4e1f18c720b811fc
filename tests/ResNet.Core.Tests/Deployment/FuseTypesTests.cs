using ResNet.Core.Deployment;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>Networks fused to another type than the model's.</summary>
public class FuseTypesTests
{
    /// <summary>Measured: up to 0.01.</summary>
    [BFloat16Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("resnet18", Stem.Conv7)]
    [InlineData("resnet18", Stem.Conv7MaxPool)]
    [InlineData("resnet18", Stem.Conv3)]
    [InlineData("resnet50", Stem.Conv7MaxPool)]
    [InlineData("resnext50_32x4d", Stem.Conv7MaxPool)]
    [InlineData("wide_resnet50_2", Stem.Conv7MaxPool)]
    public void A_bfloat16_network_gives_float32_outputs_close_to_the_models(string architecture, Stem stem)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Trained.Create(architecture, stem);
        using var fused = model.Fuse(ScalarType.BFloat16);
        model.eval();
        foreach (var (batch, height, width) in ((int, int, int)[])[(1, 32, 32), (3, 33, 40), (2, 1, 1)])
        {
            using var inner = NewDisposeScope();
            var x = randn(batch, 3, height, width);
            var first = fused.call(x);
            Assert.Equal(ScalarType.Float32, first.dtype);
            Assert.InRange(Trained.MeasureDifference(model.call(x), first), 1e-6, 0.03); // float32 would be closer
            for (var i = 0; i < SizedPrograms.CallsBefore; i++) // with the weights of this size, too
                Assert.InRange(Trained.MeasureDifference(first, fused.call(x)), 0, 0.03);

            x[0, 1, height - 1, 0] = float.NaN;
            Assert.Equal(Enumerable.Range(0, batch).Select(image => image > 0), fused.call(x).isfinite().all(1).data<bool>().ToArray());
        }
        Assert.Equal([0, 10], fused.call(zeros(0, 3, 8, 8)).shape);
        Assert.Contains("Float32", Assert.Throws<ArgumentException>(() => fused.call(zeros([1, 3, 8, 8], ScalarType.BFloat16))).Message, StringComparison.Ordinal);
    }

    [BFloat16Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64)]
    public void A_bfloat16_network_takes_float32_images_whatever_the_models_type(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(dtype: ScalarType.Float64);
        using var fused = model.to(dtype).Fuse(ScalarType.BFloat16);
        model.to(ScalarType.Float64).eval();
        var x = randn(2, 3, 32, 32);
        Assert.InRange(Trained.MeasureDifference(model.call(x.to(ScalarType.Float64)), fused.call(x).to(ScalarType.Float64)), 0, 0.05);
    }

    [BFloat16Theory]
    [InlineData(3.4e38f)]
    public void Weights_that_overflow_bfloat16_are_refused_by_name(float weight)
    {
        using var model = new ResNet18(10);
        using (no_grad())
            ((BasicBlock)model.layer3[1]).conv1.weight!.fill_(weight);
        model.Fuse().Dispose();
        var message = Assert.Throws<ArgumentException>(() => model.Fuse(ScalarType.BFloat16)).Message;
        Assert.Contains("layer3.1.conv1", message, StringComparison.Ordinal);
        Assert.Contains("BFloat16", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fuse_says_what_it_needs_where_bfloat16_is_not_supported()
    {
        using var model = new ResNet18(10);
        if (FuseExtensions.IsBFloat16Supported)
            model.Fuse(ScalarType.BFloat16).Dispose();
        else
            Assert.Contains("AVX-512 BF16", Assert.Throws<PlatformNotSupportedException>(() => model.Fuse(ScalarType.BFloat16)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ScalarType.Float64, 1e-12)]
    [InlineData(ScalarType.Float32, 1e-5)]
    [InlineData(ScalarType.Float16, 0.02)]
    public void A_network_fused_to_another_type_matches_the_model_in_that_type(ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(dtype: dtype == ScalarType.Float32 ? ScalarType.Float64 : ScalarType.Float32);
        using var fused = model.Fuse(dtype);
        model.eval();
        var x = randn([2, 3, 32, 32], dtype);
        var output = fused.call(x);
        Assert.Equal(dtype, output.dtype);
        Assert.InRange(Trained.MeasureDifference(model.to(ScalarType.Float64).call(x.to(ScalarType.Float64)), output.to(ScalarType.Float64)), 0, tolerance);
    }

    [Fact]
    public void A_type_that_is_not_floating_point_is_refused()
    {
        using var model = new ResNet18(10);
        var message = Assert.Throws<ArgumentException>(() => model.Fuse(ScalarType.Int8)).Message;
        Assert.Contains("Float32", message, StringComparison.Ordinal);
        Assert.Contains("Int8", message, StringComparison.Ordinal);
    }
}
