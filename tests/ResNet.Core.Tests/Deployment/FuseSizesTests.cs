using ResNet.Core.Deployment;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>A fused network knows the sizes of images that come again and again, and has weights of its own for them.</summary>
public class FuseSizesTests
{
    /// <summary>How many tensors a size has of its own at most: weights and biases.</summary>
    private const int Most = 40;

    /// <summary>Small maps are computed in another way from the eighth call on, which may round otherwise. Measured: up to 6e-7.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("resnet18", Stem.Conv7)]
    [InlineData("resnet18", Stem.Conv7MaxPool)]
    [InlineData("resnet18", Stem.Conv3)]
    [InlineData("resnet50", Stem.Conv7)]
    [InlineData("resnet50", Stem.Conv7MaxPool)]
    [InlineData("resnext50_32x4d", Stem.Conv7MaxPool)]
    public void Answers_stay_the_models_when_a_size_comes_again(string architecture, Stem stem)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Trained.Network(architecture, stem);
        using var fused = model.Fuse();
        model.eval();
        foreach (var (batch, height, width) in ((int, int, int)[])[(1, 32, 32), (6, 32, 32), (1, 64, 64), (2, 17, 50), (3, 1, 2), (5, 20, 60), (4, 1, 2), (4, 33, 1)])
        {
            using var inner = NewDisposeScope();
            var x = randn(batch, 3, height, width);
            var (expected, first) = (model.call(x), fused.call(x));
            Assert.InRange(Trained.Apart(expected, first), 0, 1e-5);
            for (var i = 2; i < SizedPrograms.CallsBefore; i++)
                Assert.True(fused.call(x).equal(first).all().item<bool>(), $"{batch}x3x{height}x{width}, call {i}");
            var own = fused.call(x);
            Assert.InRange(Trained.Apart(first, own), 0, 3e-6);
            Assert.InRange(Trained.Apart(expected, own), 0, 1e-5);
            for (var i = 1; i < 3; i++)
                Assert.True(fused.call(x).equal(own).all().item<bool>(), $"{batch}x3x{height}x{width}, {i} calls later");

            x[0, 1, height - 1, 0] = float.NaN;
            Assert.Equal(Enumerable.Range(0, batch).Select(image => image > 0), fused.call(x).isfinite().all(1).data<bool>().ToArray());
        }
    }

    [Fact]
    public void A_size_has_its_weights_from_its_eighth_call_on_and_only_so_many_sizes_have()
    {
        using var model = Trained.ResNet18(stem: Stem.Conv7MaxPool);
        var before = LiveTensors.Count();
        using (var fused = model.Fuse())
        {
            var made = Tensor.TotalCount;
            for (var size = 1; size <= 32; size++)
                Call(fused, size, calls: 1);
            Assert.Equal(made, Tensor.TotalCount); // none of them twice

            Call(fused, 32, SizedPrograms.CallsBefore - 2);
            Assert.Equal(made, Tensor.TotalCount);
            Call(fused, 32, 1);
            var own = Tensor.TotalCount - made;
            Assert.InRange(own, 1, Most - 1); // and shares the others
            Call(fused, 32, 3);
            Assert.Equal(made + own, Tensor.TotalCount);

            // Of one pixel at the end: all but the 1x1 convolutions are others.
            for (var size = 1; size < 1 + 2 * SizedPrograms.MaxPrograms; size++)
                Call(fused, size, SizedPrograms.CallsBefore);
            Assert.InRange(Tensor.TotalCount - made, 1, SizedPrograms.MaxPrograms * Most);
        }
        Assert.Equal(before, Tensor.TotalCount);

        static void Call(nn.Module<Tensor, Tensor> fused, int size, int calls)
        {
            using var x = zeros(1, 3, size, size);
            for (var i = 0; i < calls; i++)
                fused.call(x).Dispose();
        }
    }

    /// <summary>libtorch does not give back all of a program's memory.</summary>
    [Fact]
    public void Programs_do_not_come_and_go_for_ever()
    {
        using var folded = Folding.Fold(Trained.ResNet18());
        using var packing = new OneDnnPacking(ScalarType.Float32);
        using var any = new OneDnnProgram(folded, packing);
        var made = 0;
        using var programs = new SizedPrograms(size =>
        {
            made++;
            return new OneDnnProgram(folded, packing, any, size);
        });
        for (var round = 0; round < 20; round++)
            for (var height = 1; height <= 12; height++)
                Enter(height, calls: SizedPrograms.CallsBefore);
        Assert.InRange(made, SizedPrograms.MaxPrograms + 1, SizedPrograms.MaxPrograms + 5); // 160 calls of each: 8 doubled five times are 256

        // Those that there are stay while sizes go by that come once.
        var kept = Enumerable.Range(1, 12).Where(height => Enter(height)).ToArray();
        Assert.Equal(SizedPrograms.MaxPrograms, kept.Length);
        for (var height = 100; height < 300; height++)
            Assert.False(Enter(height));
        Assert.All(kept, height => Assert.True(Enter(height)));

        bool Enter(int height, int calls = 1)
        {
            var has = false;
            for (var i = 0; i < calls; i++)
            {
                var entry = programs.Enter(new BatchSize(1, height, 1));
                has = entry is not null;
                entry?.Leave();
            }
            return has;
        }
    }
}
