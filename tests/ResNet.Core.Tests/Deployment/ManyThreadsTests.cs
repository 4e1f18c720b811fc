using ResNet.Core.Deployment;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>One model that answers many threads at once, as in a web service.</summary>
public class ManyThreadsTests
{
    private const int Threads = 16, Requests = 1000, First = 100;

    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_answer_is_that_of_a_single_thread_and_nothing_piles_up(bool fuse)
    {
        using var model = Trained.ResNet18();
        model.eval();
        using var network = fuse ? model.Fuse() : model;

        // Sizes that differ from request to request
        var pictures = Enumerable.Range(0, 12).Select(i => randn(1 + i % 2, 3, 8 + 3 * i, 8 + 2 * i)).ToArray();
        var answers = pictures.Select(Ask).ToArray();
        var live = LiveTensors.Count();

        var (wrong, afterFirst, atTheEnd) = Crowd.Run(Threads, Requests, First, pictures.Length, which => Same(Ask(pictures[which]), answers[which]));

        Assert.Equal(0, wrong);
        // A fused network has weights of their own for some sizes; what it had not disposed of those that made room would be thousands.
        Assert.InRange(Tensor.TotalCount, live, live + (fuse ? SizedPrograms.MaxPrograms * 40 : 0));
        // 14,400 requests that left a kilobyte each would be 14 MB, and their activations, gigabytes.
        Assert.True(atTheEnd - afterFirst < 100 << 20, $"{afterFirst >> 20} MiB after {First} requests a thread, {atTheEnd >> 20} MiB after {Requests}");

        foreach (var picture in pictures)
            picture.Dispose();

        // A fused network may round otherwise once a size has its own weights.
        bool Same(float[] answer, float[] expected) =>
            fuse ? answer.Zip(expected).All(pair => Math.Abs(pair.First - pair.Second) <= 3e-6f * expected.Max(Math.Abs)) : answer.AsSpan().SequenceEqual(expected);

        float[] Ask(Tensor picture)
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            return network.call(picture).data<float>().ToArray();
        }
    }
}
