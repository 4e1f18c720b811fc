using BenchmarkDotNet.Attributes;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>A network and a batch in one memory format or the other, by size of the pictures and precision, with the stem for such pictures.</summary>
[WarmupCount(2), IterationCount(10), InvocationCount(1)]
public abstract class ChannelsLast
{
    [Params("64x3x32x32", "16x3x112x112", "8x3x224x224")]
    public string Images { get; set; } = null!;

    [Params("fp32", "bf16")]
    public string Precision { get; set; } = null!;

    protected ResNet18 Model { get; private set; } = null!;

    protected Tensor Batch { get; private set; } = null!;

    [GlobalSetup(Target = nameof(Contiguous))]
    public void SetupContiguous() => Setup(memory_format.contiguous_format);

    [GlobalSetup(Target = nameof(Last))]
    public void SetupLast() => Setup(memory_format.channels_last);

    [Benchmark(Baseline = true, Description = "contiguous")]
    public float Contiguous() => Run();

    [Benchmark(Description = "channels-last")]
    public float Last() => Run();

    protected virtual void Setup(memory_format format)
    {
        manual_seed(1);
        var shape = Images.Split('x').Select(long.Parse).ToArray();
        Model = new ResNet18(10, shape[3] < 100 ? Stem.Conv7 : Stem.Conv7MaxPool).ToMemoryFormat(format);
        Batch = randn(shape).ToMemoryFormat(format);
    }

    protected abstract float Run();

    protected Autocast Begin() => Precision == "bf16" ? new Autocast(DeviceType.CPU, ScalarType.BFloat16) : default;
}
