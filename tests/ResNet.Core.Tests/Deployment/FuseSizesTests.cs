using ResNet.Core.Deployment;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>A fused network packs separate weights for the image sizes that recur.</summary>
public class FuseSizesTests
{
    /// <summary>The maximum number of tensors, weights and biases, that a size has of its own.</summary>
    private const int MaxOwnTensors = 40;

    /// <summary>From the eighth call on, small feature maps are computed in another way, which may round differently. Measured: up to 6e-7.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("resnet18", Stem.Conv7)]
    [InlineData("resnet18", Stem.Conv7MaxPool)]
    [InlineData("resnet18", Stem.Conv3)]
    [InlineData("resnet50", Stem.Conv7)]
    [InlineData("resnet50", Stem.Conv7MaxPool)]
    [InlineData("resnext50_32x4d", Stem.Conv7MaxPool)]
    public void Outputs_match_the_model_when_a_size_recurs(string architecture, Stem stem)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Trained.Create(architecture, stem);
        using var fused = model.Fuse();
        model.eval();
        foreach (var (batch, height, width) in ((int, int, int)[])[(1, 32, 32), (6, 32, 32), (1, 64, 64), (2, 17, 50), (3, 1, 2), (5, 20, 60), (4, 1, 2), (4, 33, 1)])
        {
            using var inner = NewDisposeScope();
            var x = randn(batch, 3, height, width);
            var (expected, first) = (model.call(x), fused.call(x));
            Assert.InRange(Trained.MeasureDifference(expected, first), 0, 1e-5);
            for (var i = 2; i < SizedPrograms.CallsBefore; i++)
                Assert.True(fused.call(x).equal(first).all().item<bool>(), $"{batch}x3x{height}x{width}, call {i}");
            var own = fused.call(x);
            Assert.InRange(Trained.MeasureDifference(first, own), 0, 3e-6);
            Assert.InRange(Trained.MeasureDifference(expected, own), 0, 1e-5);
            for (var i = 1; i < 3; i++)
                Assert.True(fused.call(x).equal(own).all().item<bool>(), $"{batch}x3x{height}x{width}, {i} calls later");

            x[0, 1, height - 1, 0] = float.NaN;
            Assert.Equal(Enumerable.Range(0, batch).Select(image => image > 0), fused.call(x).isfinite().all(1).data<bool>().ToArray());
        }
    }

    [Fact]
    public void A_size_gets_its_own_weights_at_its_eighth_call_and_the_number_of_such_sizes_is_limited()
    {
        using var model = Trained.CreateResNet18(stem: Stem.Conv7MaxPool);
        var before = LiveTensors.Count();
        using (var fused = model.Fuse())
        {
            var created = Tensor.TotalCount;
            for (var size = 1; size <= 32; size++)
                Call(fused, size, calls: 1);
            Assert.Equal(created, Tensor.TotalCount); // no size has come twice

            Call(fused, 32, SizedPrograms.CallsBefore - 2);
            Assert.Equal(created, Tensor.TotalCount);
            Call(fused, 32, 1);
            var own = Tensor.TotalCount - created;
            Assert.InRange(own, 1, MaxOwnTensors - 1); // it shares the others
            Call(fused, 32, 3);
            Assert.Equal(created + own, Tensor.TotalCount);

            // These sizes end in one pixel, where all weights differ except those of 1x1 convolutions.
            for (var size = 1; size < 1 + 2 * SizedPrograms.MaxPrograms; size++)
                Call(fused, size, SizedPrograms.CallsBefore);
            Assert.InRange(Tensor.TotalCount - created, 1, SizedPrograms.MaxPrograms * MaxOwnTensors);
        }
        Assert.Equal(before, Tensor.TotalCount);

        static void Call(nn.Module<Tensor, Tensor> fused, int size, int calls)
        {
            using var x = zeros(1, 3, size, size);
            for (var i = 0; i < calls; i++)
                fused.call(x).Dispose();
        }
    }

    /// <summary>libtorch does not free all memory of a program.</summary>
    [Fact]
    public void Programs_are_not_replaced_for_ever()
    {
        using var folded = Folding.Fold(Trained.CreateResNet18());
        using var packing = new OneDnnPacking(ScalarType.Float32);
        using var any = new OneDnnProgram(folded, packing);
        var created = 0;
        using var programs = new SizedPrograms(size =>
        {
            created++;
            return new OneDnnProgram(folded, packing, any, size);
        });
        for (var round = 0; round < 20; round++)
            for (var height = 1; height <= 12; height++)
                Enter(height, calls: SizedPrograms.CallsBefore);
        Assert.InRange(created, SizedPrograms.MaxPrograms + 1, SizedPrograms.MaxPrograms + 5); // each size has 160 calls, and 8 calls doubled five times are 256

        // The existing programs stay while other sizes come once.
        var kept = Enumerable.Range(1, 12).Where(height => Enter(height)).ToArray();
        Assert.Equal(SizedPrograms.MaxPrograms, kept.Length);
        for (var height = 100; height < 300; height++)
            Assert.False(Enter(height));
        Assert.All(kept, height => Assert.True(Enter(height)));

        bool Enter(int height, int calls = 1)
        {
            var hasProgram = false;
            for (var i = 0; i < calls; i++)
            {
                var entry = programs.Enter(new BatchSize(1, height, 1));
                hasProgram = entry is not null;
                entry?.Leave();
            }
            return hasProgram;
        }
    }
}
