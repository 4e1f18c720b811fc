using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Tests;

/// <summary>The group of one process, which needs no launcher.</summary>
public class ProcessGroupTests
{
    [Fact]
    public void Without_a_launcher_the_group_has_one_process()
    {
        using var group = ProcessGroup.Init();
        Assert.Equal((0, 1, 0, 1), (group.Rank, group.WorldSize, group.LocalRank, group.LocalWorldSize));

        using var tensor = torch.tensor((float[])[1, 2]);
        group.AllReduce(tensor);
        group.AllReduce(tensor, ReduceOp.Max);
        group.Broadcast(tensor);
        group.Barrier();
        Assert.Equal([1f, 2f], tensor.data<float>().ToArray());
    }

    [Fact]
    public void Only_one_group_can_exist_at_a_time()
    {
        using (ProcessGroup.Init())
            Assert.Contains("one ProcessGroup at a time", Assert.Throws<InvalidOperationException>(() => ProcessGroup.Init()).Message);
        ProcessGroup.Init().Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.MaxValue)]
    public void An_invalid_timeout_is_refused(double days) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ProcessGroup.Init(days == double.MaxValue ? TimeSpan.MaxValue : TimeSpan.FromDays(days)));

    [Fact]
    public void Invalid_operations_are_refused_on_one_process_too()
    {
        using var group = ProcessGroup.Init();
        using var booleans = zeros(2, ScalarType.Bool);
        using var complex = zeros(2, ScalarType.ComplexFloat32);
        using var numbers = zeros(2);
        Assert.Contains("got Bool", Assert.Throws<ArgumentException>(() => group.AllReduce(booleans)).Message);
        Assert.Contains("got ComplexFloat32", Assert.Throws<ArgumentException>(() => group.AllReduce(complex)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => group.AllReduce(numbers, (ReduceOp)7));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.Broadcast(numbers, src: 1));
        Assert.Throws<ArgumentNullException>(() => group.AllReduce(null!));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    [InlineData(-1)]
    public void Abort_refuses_exit_codes_outside_1_to_255(int code)
    {
        using var group = ProcessGroup.Init();
        Assert.Contains("from 1 to 255", Assert.Throws<ArgumentOutOfRangeException>(() => group.Abort(code)).Message);
    }

    [Fact]
    public void A_disposed_group_refuses_operations()
    {
        var group = ProcessGroup.Init();
        group.Dispose();
        group.Dispose();
        using var numbers = zeros(2);
        Assert.Throws<ObjectDisposedException>(() => group.AllReduce(numbers));
        Assert.Throws<ObjectDisposedException>(group.Barrier);
    }
}
