using System.Runtime.InteropServices;
using ResNet.Core.Distributed.Communication;
using ResNet.Core.Distributed.Nccl;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Tests.Nccl;

public unsafe class NcclBackendTests
{
    private const int InProgress = 7, NotReady = 600;
    private static readonly byte[] id = [.. Enumerable.Range(0, 128).Select(i => (byte)(255 - i))];

    public NcclBackendTests() => FakeDevice.Reset();

    [Fact]
    public void A_rank_joins_the_communicator_on_its_device()
    {
        FakeDevice.States.Enqueue(InProgress);
        FakeDevice.Codes["ncclCommInitRankConfig"] = InProgress;
        using var backend = new NcclBackend(FakeDevice.Nccl, FakeDevice.Cuda, id, rank: 3, worldSize: 4, device: 1);

        Assert.Equal(
            [
                "cuInit 0", "cuDeviceGet 1", "cuDevicePrimaryCtxRetain 101", "cuCtxSetCurrent 11", "cuStreamCreate 1", "cuEventCreate 2", "cuEventCreate 2",
                "ncclCommInitRankConfig 4 255…128 3 24 cafebeef 21400 0",
            ],
            FakeDevice.TakeCalls());
        Assert.False(backend.Connection.IsCompleted());
        Assert.True(backend.Connection.IsCompleted());
    }

    [Fact]
    public void CreateUniqueId_returns_NCCLs_bytes() =>
        Assert.Equal(Enumerable.Range(0, 128).Select(i => (byte)(2 * i)), NcclBackend.CreateUniqueId(FakeDevice.Nccl));

    [Fact]
    public void An_operation_waits_for_the_default_stream_and_records_its_event_after_the_launch()
    {
        using var backend = Connect();
        using var tensor = zeros(3, 5);
        FakeDevice.States.Enqueue(InProgress);
        FakeDevice.Events.Enqueue(NotReady);
        FakeDevice.Codes["ncclAllReduce"] = InProgress;

        var work = backend.AllReduce(tensor, ReduceOp.Sum);
        var address = (nint)TensorAddress.Find(tensor);
        Assert.Equal(["cuEventRecord 13 0", "cuStreamWaitEvent 12 13 0", $"ncclAllReduce {address} {address} 15 7 0 20 12"], FakeDevice.TakeCalls());
        Assert.False(work.IsCompleted());
        Assert.Equal(["ncclCommGetAsyncError 20"], FakeDevice.TakeCalls());
        Assert.False(work.IsCompleted());
        Assert.Equal(["ncclCommGetAsyncError 20", "cuEventRecord 14 12", "cuEventQuery 14"], FakeDevice.TakeCalls());
        Assert.True(work.IsCompleted());
        Assert.Equal(["ncclCommGetAsyncError 20", "cuEventQuery 14"], FakeDevice.TakeCalls());
    }

    [Theory]
    [InlineData(ScalarType.Int8, 0)]
    [InlineData(ScalarType.Byte, 1)]
    [InlineData(ScalarType.Int32, 2)]
    [InlineData(ScalarType.Int64, 4)]
    [InlineData(ScalarType.Float16, 6)]
    [InlineData(ScalarType.Float32, 7)]
    [InlineData(ScalarType.Float64, 8)]
    [InlineData(ScalarType.BFloat16, 9)]
    public void Types_map_to_NCCLs_constants(ScalarType type, int number)
    {
        using var backend = Connect();
        using var tensor = zeros(2, dtype: type);

        backend.AllReduce(tensor, ReduceOp.Sum);

        Assert.True(NcclBackend.Reduces(type));
        var address = (nint)TensorAddress.Find(tensor);
        Assert.Equal($"ncclAllReduce {address} {address} 2 {number} 0 20 12", FakeDevice.Calls[^1]);
    }

    [Theory]
    [InlineData(ReduceOp.Sum, 0)]
    [InlineData(ReduceOp.Product, 1)]
    [InlineData(ReduceOp.Max, 2)]
    [InlineData(ReduceOp.Min, 3)]
    public void Reductions_map_to_NCCLs_constants(ReduceOp op, int number)
    {
        using var backend = Connect();
        using var tensor = zeros(2);

        backend.AllReduce(tensor, op);

        Assert.EndsWith($" 2 7 {number} 20 12", FakeDevice.Calls[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_broadcast_sends_bytes()
    {
        using var backend = Connect();
        using var tensor = zeros(3, 5, dtype: ScalarType.Int16);

        backend.Broadcast(tensor, src: 2);

        var address = (nint)TensorAddress.Find(tensor);
        Assert.Equal(["cuEventRecord 13 0", "cuStreamWaitEvent 12 13 0", $"ncclBroadcast {address} {address} 30 1 2 20 12"], FakeDevice.TakeCalls());
    }

    [Fact]
    public void A_lost_rank_is_reported_while_the_device_works()
    {
        using var backend = Connect();
        using var tensor = zeros(2);
        FakeDevice.Events.Enqueue(NotReady);
        var work = backend.AllReduce(tensor, ReduceOp.Sum);
        Assert.False(work.IsCompleted());
        FakeDevice.States.Enqueue(2);

        var e = Assert.Throws<DistributedException>(() => work.IsCompleted());

        Assert.Equal("ncclAllReduce: unhandled system error (NCCL's error code 2): Connection closed by remote peer", e.Message);
    }

    [Fact]
    public void An_error_of_the_device_is_reported()
    {
        using var backend = Connect();
        using var tensor = zeros(2);
        FakeDevice.Events.Enqueue(2);
        var work = backend.AllReduce(tensor, ReduceOp.Sum);

        Assert.Equal("cuEventQuery: out of memory (CUDA's error code 2)", Assert.Throws<DistributedException>(() => work.IsCompleted()).Message);
    }

    [Theory]
    [InlineData("cuDeviceGet", 101, "cuDeviceGet, device 9: an error that CUDA does not explain (CUDA's error code 101)")]
    [InlineData("cuStreamCreate", 2, "cuStreamCreate: out of memory (CUDA's error code 2)")]
    [InlineData("ncclCommInitRankConfig", 4, "ncclCommInitRankConfig: unhandled system error (NCCL's error code 4): Connection closed by remote peer")]
    public void A_failed_initialization_names_the_function(string function, int code, string message)
    {
        FakeDevice.Codes[function] = code;

        Assert.Equal(message, Assert.Throws<DistributedException>(() => new NcclBackend(FakeDevice.Nccl, FakeDevice.Cuda, id, 0, 1, device: 9)).Message);
    }

    [Fact]
    public void A_second_operation_at_the_same_time_is_refused()
    {
        using var tensor = zeros(2);
        using var backend = new NcclBackend(FakeDevice.Nccl, FakeDevice.Cuda, id, 0, 1, 0);
        Assert.Throws<InvalidOperationException>(() => backend.Broadcast(tensor, 0));
        Assert.True(backend.Connection.IsCompleted());
        var work = backend.Broadcast(tensor, 0);
        Assert.Throws<InvalidOperationException>(() => backend.AllReduce(tensor, ReduceOp.Sum));
        Assert.True(work.IsCompleted());
        Assert.True(backend.AllReduce(tensor, ReduceOp.Sum).IsCompleted());
    }

    [Fact]
    public void Types_that_NCCL_lacks_are_refused()
    {
        using var backend = Connect();
        using var tensor = zeros(2, dtype: ScalarType.Int16);

        Assert.False(NcclBackend.Reduces(ScalarType.Int16));
        Assert.Throws<ArgumentException>(() => backend.AllReduce(tensor, ReduceOp.Sum));
        Assert.Empty(FakeDevice.Calls);
    }

    [Fact]
    public void An_id_of_the_wrong_size_is_refused() =>
        Assert.Throws<ArgumentException>(() => new NcclBackend(FakeDevice.Nccl, FakeDevice.Cuda, new byte[127], 0, 1, 0));

    [Fact]
    public void Dispose_releases_everything()
    {
        Connect().Dispose();

        Assert.Equal(["ncclCommAbort 20", "cuEventDestroy 13", "cuEventDestroy 14", "cuStreamDestroy 12", "cuDevicePrimaryCtxRelease 100"], FakeDevice.TakeCalls());
    }

    [WithoutNcclFact]
    public void TryLoad_returns_null_without_NCCL() => Assert.Null(NcclFunctions.TryLoad());

    private static NcclBackend Connect()
    {
        var backend = new NcclBackend(FakeDevice.Nccl, FakeDevice.Cuda, id, 0, 1, 0);
        Assert.True(backend.Connection.IsCompleted());
        FakeDevice.Calls.Clear();
        return backend;
    }
}

/// <summary>A test that needs a system without NCCL, and is skipped where NCCL is installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class WithoutNcclFactAttribute : FactAttribute
{
    public WithoutNcclFactAttribute()
    {
        if (NativeLibrary.TryLoad("libnccl.so.2", out _) || NativeLibrary.TryLoad("libtorch_cuda.so", out _))
            Skip = "NCCL is installed here.";
    }
}
