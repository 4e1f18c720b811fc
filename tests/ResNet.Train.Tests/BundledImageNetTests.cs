using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using ResNet.Core;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>The ImageNet weights beside the program compute the features that ONNX Runtime computes from the same file.</summary>
public class BundledImageNetTests(ITestOutputHelper log)
{
    /// <summary>With the file's extra block and its original input. Measured: 4e-7 of the largest feature.</summary>
    [Fact]
    public void Its_features_are_those_of_ONNX_Runtime()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        model.layer4.append(new BasicBlock(512, 512));
        var report = Checkpoint.Load(model, BundledImageNet.Path, strict: false);
        Assert.Equal(["fc.weight", "fc.bias"], report.Missing);
        Assert.Empty(report.Unexpected);

        var image = CreateImage(seed: 1);
        Assert.InRange(ComputeDifference(RunOnnxRuntime(ToOriginalInput(image)), ComputeFeatures(model, ToOriginalInput(image))), 0, 2e-6);
    }

    /// <summary>Only the border differs. Measured: 3e-4 to 8e-4 of the largest feature.</summary>
    [Fact]
    public void Normalized_images_give_the_same_features_once_that_is_folded_in()
    {
        using var scope = NewDisposeScope();
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        model.layer4.append(new BasicBlock(512, 512));
        Checkpoint.Load(model, BundledImageNet.Path, strict: false);
        BundledImageNet.TakeNormalizedRgb(model);

        foreach (var image in (Tensor[])[CreateImage(seed: 1), CreateImage(seed: 2), ones(1, 3, 224, 224) * tensor([1f, 0, 0]).view(1, 3, 1, 1)])
            Assert.InRange(ComputeDifference(RunOnnxRuntime(ToOriginalInput(image)), ComputeFeatures(model, Normalize(image))), 0, 1e-3);
    }

    [Fact]
    public void Load_returns_a_ResNet18_in_training_mode_with_a_new_classifier()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        using var model = BundledImageNet.Load(7);
        manual_seed(3);
        using var fresh = new ResNet18(7, Stem.Conv7MaxPool);
        Assert.True(model.training);
        Assert.Equal(Stem.Conv7MaxPool, model.Stem);
        Assert.Equal(fresh.state_dict().Keys, model.state_dict().Keys);
        Assert.True(model.fc.weight!.equal(fresh.fc.weight!).all().item<bool>());
        Assert.DoesNotContain(model.named_parameters(), entry => !entry.name.StartsWith("fc.", StringComparison.Ordinal) && entry.parameter.equal(fresh.state_dict()[entry.name]).all().item<bool>());
        Assert.Equal([1, 7], model.forward(Normalize(CreateImage(seed: 1)).expand(2, 3, 224, 224))[..1].shape);
    }

    /// <summary>The file's extra block makes its network more than a ResNet-18.</summary>
    [Fact]
    public void A_strict_load_names_the_extra_block()
    {
        using var model = new ResNet18(10, Stem.Conv7MaxPool);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(model, BundledImageNet.Path));
        Assert.Contains("layer4.2.conv1.weight", problem.Message, StringComparison.Ordinal);
        Assert.Contains("fc.weight", problem.Message, StringComparison.Ordinal);
        Assert.Contains("the file's network has 20 layers, expected 18", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_license_lies_beside_the_weights_but_no_assembly_of_their_package()
    {
        Assert.Contains("MIT", File.ReadAllText(Path.ChangeExtension(BundledImageNet.Path, ".LICENSE.txt")), StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.EnumerateFiles(AppContext.BaseDirectory, "Microsoft.ML.*"), path => !Path.GetFileName(path).StartsWith("Microsoft.ML.OnnxRuntime.", StringComparison.Ordinal));
    }

    private static Tensor CreateImage(int seed)
    {
        // Blobs and some noise: the features of noise alone are near 0.
        using var generator = new Generator((ulong)seed);
        var coarse = nn.functional.interpolate(rand([1, 3, 7, 7], generator: generator), [224, 224], mode: InterpolationMode.Bilinear, align_corners: false);
        return (coarse * 0.8 + rand([1, 3, 224, 224], generator: generator) * 0.2).clamp(0, 1);
    }

    private static Tensor ToOriginalInput(Tensor rgb) => 255 * rgb.flip(1) - ToChannels(103.06262402, 115.90288236, 123.15163078);

    private static Tensor Normalize(Tensor rgb) => (rgb - ToChannels(0.485, 0.456, 0.406)) / ToChannels(0.229, 0.224, 0.225);

    private static Tensor ToChannels(params double[] values) => tensor(values, ScalarType.Float32).view(1, 3, 1, 1);

    private static Tensor ComputeFeatures(ResNet18 model, Tensor x)
    {
        model.eval();
        using var _ = no_grad();
        return model.avgpool.call(model.forward_features(x));
    }

    private static Tensor RunOnnxRuntime(Tensor x)
    {
        using var session = new InferenceSession(BundledImageNet.Path);
        using var input = OrtValue.CreateTensorValueFromMemory(MemoryMarshal.Cast<byte, float>(x.contiguous().bytes).ToArray(), x.shape);
        using var run = new RunOptions();
        using var outputs = session.Run(run, session.InputNames, [input], session.OutputNames);
        return tensor(outputs[0].GetTensorDataAsSpan<float>().ToArray(), outputs[0].GetTensorTypeAndShape().Shape);
    }

    private double ComputeDifference(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        var difference = ((expected - actual).abs().max() / expected.abs().max()).item<float>();
        log.WriteLine($"{difference:g2} of the largest feature");
        return difference;
    }
}
