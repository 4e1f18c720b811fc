using ResNet.Core.Deployment;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>One model that many threads call at once, as in a web service.</summary>
public class ManyThreadsTests
{
    private const int Threads = 16, Requests = 1000, First = 100;

    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_output_is_that_of_a_single_thread_and_nothing_accumulates(bool fuse)
    {
        using var model = Trained.CreateResNet18();
        model.eval();
        using var network = fuse ? model.Fuse() : model;

        // The size differs from request to request.
        var images = Enumerable.Range(0, 12).Select(i => randn(1 + i % 2, 3, 8 + 3 * i, 8 + 2 * i)).ToArray();
        var expectedOutputs = images.Select(Predict).ToArray();
        var live = LiveTensors.Count();

        var (wrong, afterFirst, atTheEnd) = Crowd.Run(Threads, Requests, First, images.Length, index => AreEqual(Predict(images[index]), expectedOutputs[index]));

        Assert.Equal(0, wrong);
        // A fused network has separate weights for some sizes. Undisposed weights of the sizes that it dropped would be thousands of tensors.
        Assert.InRange(Tensor.TotalCount, live, live + (fuse ? SizedPrograms.MaxPrograms * 40 : 0));
        // If each of 14,400 requests leaked a kilobyte, that would be 14 MB; their activations would be gigabytes.
        Assert.True(atTheEnd - afterFirst < 100 << 20, $"{afterFirst >> 20} MiB after {First} requests a thread, {atTheEnd >> 20} MiB after {Requests}");

        foreach (var image in images)
            image.Dispose();

        // A fused network may round differently once a size has its own weights.
        bool AreEqual(float[] output, float[] expected) =>
            fuse ? output.Zip(expected).All(pair => Math.Abs(pair.First - pair.Second) <= 3e-6f * expected.Max(Math.Abs)) : output.AsSpan().SequenceEqual(expected);

        float[] Predict(Tensor image)
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            return network.call(image).data<float>().ToArray();
        }
    }
}
