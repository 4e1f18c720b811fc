using System.Diagnostics;
using ResNet.Core.Distributed.Communication;
using ResNet.Core.Distributed.Nccl;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Tests.Nccl;

/// <summary>Runs on real NCCL with one rank, since the machines that run these tests have at most one GPU.</summary>
public class NcclOnGpuTests
{
    [NcclTheory]
    [InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void One_rank_reduces_and_broadcasts_tensors_that_the_GPU_has_just_computed(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var nccl = NcclFunctions.TryLoad()!;
        using var backend = new NcclBackend(nccl, CudaDriver.Load(), NcclBackend.CreateUniqueId(nccl), rank: 0, worldSize: 1, device: 0);
        Wait(backend.Connection);

        foreach (var op in new[] { ReduceOp.Sum, ReduceOp.Product, ReduceOp.Min, ReduceOp.Max })
        {
            var tensor = arange(100_000, device: CUDA).remainder(100).to(type);
            Wait(backend.AllReduce(tensor, op));
            Wait(backend.Broadcast(tensor, 0));
            Assert.True(tensor.cpu().equal(arange(100_000).remainder(100).to(type)).all().item<bool>());
        }
    }

    private static void Wait(IWork work)
    {
        var watch = Stopwatch.StartNew();
        while (!work.IsCompleted())
            Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), "NCCL did not finish within a minute.");
    }
}

/// <summary>A theory that is skipped without a GPU or without NCCL.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NcclTheoryAttribute : TheoryAttribute
{
    public override string? Skip => !cuda.is_available() ? "No CUDA device is available: torch.cuda.is_available() is false."
        : NcclFunctions.TryLoad() is null ? "NCCL was not found." : null;
}
