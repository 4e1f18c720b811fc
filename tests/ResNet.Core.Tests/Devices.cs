using System.Reflection;
using Xunit.Sdk;
using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>Runs a theory on the CPU, with the device as its first argument.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class CpuDataAttribute(params object[] arguments) : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [["cpu", .. arguments]];
}

/// <summary>Runs a theory on the GPU, with the device as its first argument; skipped without a GPU.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class CudaDataAttribute(params object[] arguments) : DataAttribute
{
    public override string? Skip
    {
        get => cuda.is_available() ? null : "There is no CUDA device: torch.cuda.is_available() is false.";
        set => throw new NotSupportedException();
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [["cuda:0", .. arguments]];
}
