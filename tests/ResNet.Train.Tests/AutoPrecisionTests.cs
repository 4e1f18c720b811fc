using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>The precision of a training without <c>--precision</c>.</summary>
public sealed class AutoPrecisionTests : IDisposable
{
    private static readonly Settings settings = new("data", null, Recipe.FashionMnist, 1, "auto", Precision.Auto, false);

    private readonly TempFolder _data = new(), _out = new();

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    [Fact]
    public void A_training_uses_bfloat16_where_it_is_native()
    {
        var native = settings.Decide(isNative: true);
        Assert.Equal((Precision.Bf16, true, ", in bfloat16, channels-last"), (native.Precision, native.ChannelsLast, native.DescribeComputation(CPU)));
        var other = settings.Decide(isNative: false);
        Assert.Equal((Precision.Fp32, false, ""), (other.Precision, other.ChannelsLast, other.DescribeComputation(CPU)));
        Assert.Equal(", channels-last", (settings with { ChannelsLast = true }).Decide(isNative: false).DescribeComputation(CPU));
    }

    [Theory]
    [InlineData(nameof(Precision.Fp32))]
    [InlineData(nameof(Precision.Bf16))]
    [InlineData(nameof(Precision.Fp16))]
    public void A_chosen_precision_stays(string name)
    {
        var chosen = settings with { Precision = Enum.Parse<Precision>(name) };
        Assert.Equal(chosen, chosen.Decide(isNative: true));
        Assert.Equal(chosen, chosen.Decide(isNative: false));
    }

    /// <summary>The default is 64 images of 32x32 per step.</summary>
    [Theory]
    [InlineData(32, 16, 1, true)]
    [InlineData(32, 15, 1, false)]
    [InlineData(32, 64, 4, true)]
    [InlineData(32, 64, 5, false)]
    [InlineData(224, 2, 1, true)]
    [InlineData(1024, 4096, 1, true)]
    public void Training_steps_with_few_pixels_stay_in_float32(int size, int images, int ranks, bool isWorthwhile) =>
        Assert.Equal(isWorthwhile ? Precision.Bf16 : Precision.Fp32, (settings with { Recipe = settings.Recipe with { Size = size, BatchSize = images } }).Decide(isNative: true, ranks).Precision);

    [Fact]
    public void Head_training_computes_features_in_bfloat16_where_the_processor_has_it()
    {
        var head = settings with { Train = TrainedLayers.Head, Recipe = settings.Recipe with { Size = 1, BatchSize = 1 } };
        Assert.Equal(BFloat16.IsNative(CPU), AutoPrecision.IsNative(head, CPU));
        var native = head.Decide(isNative: true);
        Assert.Equal(Precision.Bf16, native.Precision);
        Assert.Equal(BFloat16.IsNative(CPU) ? ", in bfloat16" : "", native.DescribeComputation(CPU));
        Assert.Equal("", head.Decide(isNative: false).DescribeComputation(CPU));
        Assert.Equal(ScalarType.Float32, native.Precision.ChooseFeatureType(new Device(TorchSharp.DeviceType.CUDA, 0)));
    }

    /// <summary>A resumed training keeps the precision on any machine.</summary>
    [Fact, Trait(Category.Name, Category.Slow)]
    public void The_program_prints_and_stores_its_decision()
    {
        Idx.WriteSet(_data);
        var decided = (settings with { Recipe = settings.Recipe with { BatchSize = 16 } }).Decide(BFloat16.IsNative(CPU));
        string[] options = ["--data", _data.Path, "--out", _out["run"], "--epochs", "1", "--batch-size", "16", "--device", "cpu"];

        Assert.Contains($"without CUDA{decided.DescribeComputation(CPU)}: 60 images", RunSuccessfully(options), StringComparison.Ordinal);
        var kept = Settings.Read(_out["run"]);
        Assert.Equal((decided.Precision, decided.ChannelsLast), (kept.Precision, kept.ChannelsLast));

        RunSuccessfully([.. options, "--precision", "Fp32"]);
        Assert.Equal((Precision.Fp32, false), (Settings.Read(_out["run"]).Precision, Settings.Read(_out["run"]).ChannelsLast));
    }

    [LinuxFact]
    public void IsNative_agrees_with_the_processor_flags_of_Linux()
    {
        Assert.Equal(File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("flags", StringComparison.Ordinal) || line.StartsWith("Features", StringComparison.Ordinal)).Split(' ').Contains("avx512_bf16"), BFloat16.IsNative(CPU));
    }

    [Fact]
    public void Choosing_bfloat16_without_native_instructions_gives_a_warning()
    {
        var gpu = new Device(TorchSharp.DeviceType.CUDA, 4096); // no machine has so many
        Assert.False(BFloat16.IsNative(gpu));
        Assert.Contains("cuda:4096 has no such instructions", Precision.Bf16.FindRemark(gpu), StringComparison.Ordinal);
        Assert.Equal(BFloat16.IsNative(CPU), Precision.Bf16.FindRemark(CPU) is null);
        Assert.Null(Precision.Fp32.FindRemark(gpu));
    }
}
