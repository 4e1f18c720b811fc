using ResNet.Core.Deployment;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>The taps of a kernel that can meet a pixel. The others meet only padding.</summary>
public class TapsTests
{
    [Theory]
    [InlineData(1, 3, 1, 1, 1, 1, 0)] // the center
    [InlineData(1, 3, 2, 1, 1, 1, 0)]
    [InlineData(2, 3, 2, 1, 1, 2, 0)]
    [InlineData(1, 7, 2, 3, 3, 1, 0)]
    [InlineData(3, 7, 2, 3, 1, 5, 2)]
    [InlineData(2, 3, 1, 1, 0, 3, 1)] // every tap meets a pixel at some position
    [InlineData(7, 3, 1, 1, 0, 3, 1)]
    [InlineData(1, 1, 2, 0, 0, 1, 0)]
    public void Only_taps_that_can_meet_a_pixel_are_kept(long size, long kernel, long stride, long padding, long first, long count, long left) =>
        Assert.Equal(new Taps(first, count, left), Taps.Find(size, kernel, stride, padding));

    [Fact]
    public void Without_a_size_all_taps_are_kept() => Assert.Equal(new Taps(0, 7, 3), Taps.Find(null, 7, 2, 3));

    [Fact]
    public void Dropping_the_other_taps_does_not_change_a_convolution()
    {
        using var scope = NewDisposeScope();
        var fewer = 0;
        for (var size = 1; size <= 9; size++)
            for (var kernel = 1; kernel <= 7; kernel++)
                for (var stride = 1; stride <= 3; stride++)
                    for (var padding = 0; padding <= 8; padding++)
                    {
                        if (size + 2 * padding < kernel) continue;
                        using var inner = NewDisposeScope();
                        var taps = Taps.Find(size, kernel, stride, padding);
                        var (x, weight) = (randn([2, 3, size], ScalarType.Float64), randn([4, 3, kernel], ScalarType.Float64));
                        var expected = nn.functional.conv1d(x, weight, stride: stride, padding: padding);
                        var actual = nn.functional.conv1d(x, weight.narrow(2, taps.First, taps.Count), stride: stride, padding: taps.Padding);
                        Assert.Equal(expected.shape, actual.shape);
                        Assert.True((expected - actual).abs().max().item<double>() < 1e-12, $"{size}, {kernel}, {stride}, {padding}");
                        if (taps.Count < kernel)
                            fewer++;
                    }
        Assert.NotEqual(0, fewer);
    }
}
