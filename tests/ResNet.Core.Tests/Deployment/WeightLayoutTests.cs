using System.Globalization;
using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>
/// oneDNN converts most layouts of weights with compiled kernels, and some with a loop that takes several times as long as the network. A fused network must not need that
/// loop in the calls of a size that has no weights of its own yet.
/// </summary>
public class WeightLayoutTests
{
    private const string Ready = "ready", Loop = ",reorder,simple";

    [Int8Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("resnet50", "float32", 64)]
    [InlineData("resnet50", "float32", 32)]
    [InlineData("resnet50", "int8", 64)]
    [InlineData("resnet50", "int8", 32)]
    [InlineData("resnext50_32x4d", "float32", 64)]
    [InlineData("resnext50_32x4d", "int8", 32)]
    public void The_first_call_of_a_size_converts_weights_with_compiled_kernels(string network, string type, int pixels) => AssertCompiled(network, type, pixels);

    [BFloat16Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("resnet50", 64)]
    [InlineData("resnet50", 32)]
    [InlineData("resnext50_32x4d", 32)]
    public void So_does_the_first_call_in_bfloat16(string network, int pixels) => AssertCompiled(network, "bfloat16", pixels);

    private static void AssertCompiled(string network, string type, int pixels)
    {
        var output = ChildProcess.Run("fuse", $"{network} {type} {pixels}", ("ONEDNN_VERBOSE", "profile_exec"));
        var operations = output[output.IndexOf(Ready, StringComparison.Ordinal)..];
        Assert.Contains(",convolution,", operations, StringComparison.Ordinal);
        Assert.DoesNotContain(Loop, operations, StringComparison.Ordinal);
    }

    /// <summary>Runs in a child process, whose output lists oneDNN's operations.</summary>
    internal static void FuseAndCall(string argument)
    {
        if (argument.Split(' ') is not [var network, var type, var size]) throw new ArgumentException(argument);
        var pixels = int.Parse(size, CultureInfo.InvariantCulture);
        using var model = Family.Create(network, num_classes: 10);
        using var image = rand(1, 3, pixels, pixels);
        using var fused = type switch
        {
            "int8" => model.Fuse([image]),
            "bfloat16" => model.Fuse(ScalarType.BFloat16),
            _ => model.Fuse(),
        };
        Console.WriteLine(Ready);
        fused.call(image).Dispose();
    }
}
