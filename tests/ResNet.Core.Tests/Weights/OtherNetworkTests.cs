using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Weights of another network of the family. Out of hundreds of names, the message picks what matters.</summary>
public sealed class OtherNetworkTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("resnet18", "resnet34", "122 tensors fit; missing in the file: layer1.2.conv1.weight, ", "the file's network has 18 layers, expected 34; ")]
    [InlineData("resnet34", "resnet18", "122 tensors fit; unexpected in the file: layer1.2.conv1.weight, ", "the file's network has 34 layers, expected 18; ")]
    [InlineData("resnet50", "resnet101", "320 tensors fit; missing in the file: layer3.6.conv1.weight, ", "the file's network has 50 layers, expected 101; ")]
    [InlineData("resnet34", "resnet50", "missing in the file: layer1.0.conv3.weight, ", "the file's network has 34 layers, expected 50; ")]
    public void Weights_of_another_depth_are_refused_with_both_depths(string saved, string loaded, string fits, string depth)
    {
        using var model = Family.Create(saved, 2, Stem.Conv7MaxPool);
        using var other = Family.Create(loaded, 2, Stem.Conv7MaxPool);
        using var inside = nn.Sequential(("net", other));
        using var unchanged = new Unchanged(other);
        foreach (var names in Enum.GetValues<WeightNames>())
        {
            Checkpoint.Save(model, _folder["model.pth"], names);
            var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(other, _folder["model.pth"])).Message;
            Assert.Contains($"does not fit {other.GetType().Name}: {depth}", problem, StringComparison.Ordinal);
            Assert.Contains(fits, problem, StringComparison.Ordinal);
            Assert.EndsWith(" more", problem, StringComparison.Ordinal);
        }

        using var outer = nn.Sequential(("net", model));
        Checkpoint.Save(outer, _folder["model.pth"]);
        Assert.Contains($"does not fit Sequential: net: {depth}", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(inside, _folder["model.pth"])).Message, StringComparison.Ordinal);
        unchanged.Assert();
    }

    [Theory]
    [InlineData("wide_resnet50_2", "resnet50", "layer1.0.conv1.weight (expected (64, 64, 1, 1), got (128, 64, 1, 1))")]
    [InlineData("resnext50_32x4d", "wide_resnet50_2", "layer1.0.conv2.weight (expected (128, 128, 3, 3), got (128, 4, 3, 3))")]
    public void Weights_of_another_width_are_refused_with_the_shapes(string saved, string loaded, string mismatch)
    {
        using var model = Family.Create(saved, 2);
        using var other = Family.Create(loaded, 2);
        using var unchanged = new Unchanged(other);
        Checkpoint.Save(model, _folder["model.pth"], WeightNames.Torchvision);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(other, _folder["model.pth"])).Message;
        Assert.Contains($"of another shape: {mismatch}", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("layers", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("strict", problem, StringComparison.Ordinal);
        unchanged.Assert();

        var report = Checkpoint.Load(other, _folder["model.pth"], strict: false);
        Assert.False(report.IsComplete);
        Assert.Equal(other.state_dict().Count, report.Loaded.Count + report.Mismatched.Count);
    }
}
