using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>The precision that a training has where nobody has chosen one.</summary>
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
    public void Where_it_is_computed_in_bfloat16_that_is_what_a_training_takes()
    {
        var there = settings.Decide(isNative: true);
        Assert.Equal((Precision.Bf16, true, ", in bfloat16, channels-last"), (there.Precision, there.ChannelsLast, there.DescribeComputation(CPU)));
        var elsewhere = settings.Decide(isNative: false);
        Assert.Equal((Precision.Fp32, false, ""), (elsewhere.Precision, elsewhere.ChannelsLast, elsewhere.DescribeComputation(CPU)));
        Assert.Equal(", channels-last", (settings with { ChannelsLast = true }).Decide(isNative: false).DescribeComputation(CPU));
    }

    [Theory]
    [InlineData(nameof(Precision.Fp32))]
    [InlineData(nameof(Precision.Bf16))]
    [InlineData(nameof(Precision.Fp16))]
    public void What_somebody_has_chosen_stays(string name)
    {
        var chosen = settings with { Precision = Enum.Parse<Precision>(name) };
        Assert.Equal(chosen, chosen.Decide(isNative: true));
        Assert.Equal(chosen, chosen.Decide(isNative: false));
    }

    /// <summary>With 64 images of 32x32 a step, by default.</summary>
    [Theory]
    [InlineData(32, 16, 1, true)]
    [InlineData(32, 15, 1, false)]
    [InlineData(32, 64, 4, true)]
    [InlineData(32, 64, 5, false)]
    [InlineData(224, 2, 1, true)]
    [InlineData(1024, 4096, 1, true)]
    public void Steps_of_few_pixels_are_no_faster_in_it(int size, int images, int ranks, bool isWorthwhile) =>
        Assert.Equal(isWorthwhile ? Precision.Bf16 : Precision.Fp32, (settings with { Recipe = settings.Recipe with { Size = size, BatchSize = images } }).Decide(isNative: true, ranks).Precision);

    [Fact]
    public void The_classifier_alone_is_fitted_to_features_of_bfloat16_where_the_processor_has_it()
    {
        var head = settings with { Train = TrainedLayers.Head, Recipe = settings.Recipe with { Size = 1, BatchSize = 1 } };
        Assert.Equal(BFloat16.IsNative(CPU), AutoPrecision.IsNative(head, CPU));
        var there = head.Decide(isNative: true);
        Assert.Equal(Precision.Bf16, there.Precision);
        Assert.Equal(BFloat16.IsNative(CPU) ? ", in bfloat16" : "", there.DescribeComputation(CPU));
        Assert.Equal("", head.Decide(isNative: false).DescribeComputation(CPU));
        Assert.Equal(ScalarType.Float32, there.Precision.ChooseFeatureType(new Device(TorchSharp.DeviceType.CUDA, 0)));
    }

    /// <summary>Whoever resumes it goes on in the same precision, whatever the machine.</summary>
    [Fact, Trait(Category.Name, Category.Slow)]
    public void The_program_says_and_keeps_what_it_has_decided()
    {
        Idx.WriteSet(_data);
        var decided = (settings with { Recipe = settings.Recipe with { BatchSize = 16 } }).Decide(BFloat16.IsNative(CPU));
        string[] options = ["--data", _data.Path, "--out", _out["run"], "--epochs", "1", "--batch-size", "16", "--device", "cpu"];

        Assert.Contains($"without CUDA{decided.DescribeComputation(CPU)}: 60 images", Succeeded(options), StringComparison.Ordinal);
        var kept = Settings.Read(_out["run"]);
        Assert.Equal((decided.Precision, decided.ChannelsLast), (kept.Precision, kept.ChannelsLast));

        Succeeded([.. options, "--precision", "Fp32"]);
        Assert.Equal((Precision.Fp32, false), (Settings.Read(_out["run"]).Precision, Settings.Read(_out["run"]).ChannelsLast));
    }

    [Fact]
    public void Instructions_for_bfloat16_are_those_that_Linux_names()
    {
        if (!OperatingSystem.IsLinux())
            return;
        Assert.Equal(File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("flags", StringComparison.Ordinal) || line.StartsWith("Features", StringComparison.Ordinal)).Split(' ').Contains("avx512_bf16"), BFloat16.IsNative(CPU));
    }

    [Fact]
    public void Who_wants_bfloat16_where_it_is_not_computed_in_is_told()
    {
        var gpu = new Device(TorchSharp.DeviceType.CUDA, 4096); // of which there are none
        Assert.False(BFloat16.IsNative(gpu));
        Assert.Contains("cuda:4096 has no such instructions", Precision.Bf16.FindRemark(gpu), StringComparison.Ordinal);
        Assert.Equal(BFloat16.IsNative(CPU), Precision.Bf16.FindRemark(CPU) is null);
        Assert.Null(Precision.Fp32.FindRemark(gpu));
    }
}
