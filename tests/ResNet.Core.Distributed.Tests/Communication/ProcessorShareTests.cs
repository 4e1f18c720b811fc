using ResNet.Core.Distributed.Communication;

namespace ResNet.Core.Distributed.Tests.Communication;

public class ProcessorShareTests
{
    [Theory]
    [InlineData(8, 4, 8, 2)] // four ranks, each of which may use all eight processors
    [InlineData(2, 16, 2, 1)] // more ranks than processors
    [InlineData(8, 3, 8, 2)]
    [InlineData(32, 4, 8, 2)] // a container that may use eight processors at a time
    public void Unbound_ranks_share_all_processors(int processors, int ranks, int limit, int share) =>
        Assert.Equal(share, ProcessorShare.Compute(Fill(processors, 1), Fill(processors, ranks), limit, ranks));

    [Fact]
    public void A_bound_rank_uses_the_processors_that_it_is_bound_to()
    {
        // Two sockets of four processors: one rank on the first, two on the second.
        int[] ranks = [1, 1, 1, 1, 2, 2, 2, 2];
        Assert.Equal(4, ProcessorShare.Compute([1, 1, 1, 1, 0, 0, 0, 0], ranks, limit: 4, localWorldSize: 3));
        Assert.Equal(2, ProcessorShare.Compute([0, 0, 0, 0, 1, 1, 1, 1], ranks, limit: 4, localWorldSize: 3));
    }

    private static int[] Fill(int count, int value) => [.. Enumerable.Repeat(value, count)];
}
