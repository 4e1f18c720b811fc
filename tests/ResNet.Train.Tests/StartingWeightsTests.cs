using ResNet.Core;
using TorchSharp.Modules;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class StartingWeightsTests : IDisposable
{
    private readonly TempFolder _data = new(), _out = new(), _files = new();

    public StartingWeightsTests() => Idx.WriteSet(_data);

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
        _files.Dispose();
    }

    [Fact]
    public void A_training_starts_from_the_weights_of_another()
    {
        using var other = new ResNet18(10);
        var path = Save(other);

        var lines = Train("next", "--seed", "2", "--lr", "1e-12", "--weights", path);

        Assert.Contains($"weights from {path}: 122 of 122 tensors", lines);
        using var next = Network.Load(_out["next/model.pth"]);
        Assert.InRange(Network.ComputeDistance(other.parameters(), next.parameters()), 0, 1e-6);
    }

    [Theory]
    [InlineData("model.pth")]
    [InlineData("model.safetensors")]
    public void All_tensors_of_the_same_network_are_loaded(string name)
    {
        using var other = new ResNet18(10);
        using var model = new ResNet18(10);
        var path = Save(other, name);
        Assert.Equal($"weights from {path}: 122 of 122 tensors", StartingWeights.LoadFile(model, path).Line);
        Assert.Equal(0, Network.ComputeDistance(other.parameters(), model.parameters()));
    }

    [Fact]
    public void All_but_the_classifier_is_loaded_from_a_network_for_other_classes()
    {
        using var other = new ResNet18(7);
        AssertAllButTheClassifierIsLoaded(other, other, "fc.weight (expected (10, 512), got (7, 512)), fc.bias (expected (10), got (7))");
    }

    [Fact]
    public void All_but_the_classifier_is_loaded_from_a_network_without_one()
    {
        using var other = new ResNet18(10);
        using var features = CreateFeatures(other);
        AssertAllButTheClassifierIsLoaded(other, features, "fc.weight (missing), fc.bias (missing)");
    }

    [Fact]
    public void All_but_the_classifier_is_loaded_from_a_network_whose_classifier_has_layers()
    {
        using var other = new ResNet18(10);
        using var layers = CreateFeatures(other, ("fc", nn.Sequential(("1", nn.Linear(512, 10)))));
        AssertAllButTheClassifierIsLoaded(other, layers, "fc.weight (missing), fc.bias (missing), fc.1.weight (unexpected), fc.1.bias (unexpected)");
    }

    [Fact]
    public void A_network_with_another_first_layer_is_refused()
    {
        using var other = new ResNet18(10, Stem.Conv3);
        AssertDoesNotFit("which does not fit: conv1.weight (expected (64, 3, 7, 7), got (64, 3, 3, 3))", Save(other));
    }

    [Fact]
    public void A_network_with_more_layers_is_refused()
    {
        using var other = new ResNet18(10);
        using var more = CreateFeatures(other, ("fc", other.fc), ("head", nn.Linear(10, 2)));
        AssertDoesNotFit("which does not fit: head.weight (unexpected), head.bias (unexpected)", Save(more));
    }

    [Fact]
    public void The_message_names_tensors_of_an_unrelated_network()
    {
        using var other = nn.Sequential(("a", nn.Linear(2, 2)));
        AssertDoesNotFit("does not fit ResNet18: expected tensor names like the module's 122, such as conv1.weight, bn1.weight, bn1.bias; got 2 that begin with 'a.', such as a.weight, a.bias", Save(other));
    }

    [Fact]
    public void The_message_names_only_some_of_many_missing_tensors()
    {
        using var other = new ResNet18(10);
        using var little = nn.Sequential(("conv1", other.conv1));
        AssertDoesNotFit("which does not fit: bn1.weight (missing), bn1.bias (missing), bn1.running_mean (missing), bn1.running_var (missing) and 95 more", Save(little));
    }

    [Fact]
    public void Weights_for_another_stem_are_loaded_with_a_remark()
    {
        using var other = new ResNet18(10, Stem.Conv7MaxPool);
        using var model = new ResNet18(10);
        var path = Save(other);
        Assert.Equal($"weights from {path}: 122 of 122 tensors; they are for another stem: expected Conv7, got Conv7MaxPool", StartingWeights.LoadFile(model, path).Line);
        Assert.Equal(0, Network.ComputeDistance(other.parameters(), model.parameters()));
    }

    [Fact]
    public void A_missing_file_is_refused() => AssertRefused($"--weights: expected imagenet, torchvision or a weights file, got '{_files["nothing"]}'", _files["nothing"]);

    [Fact]
    public void A_folder_is_refused() => AssertRefused($"--weights: expected imagenet, torchvision or a weights file, got '{_files.Path}'", _files.Path);

    [Fact]
    public void An_empty_name_is_refused() => AssertRefused("--weights: expected a file, imagenet or torchvision, got ''", "");

    [Fact]
    public void An_unreadable_file_is_refused()
    {
        using var other = new ResNet18(10);
        var path = Save(other);
        using var locked = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        AssertRefused($"--weights: expected a readable file, got '{path}'", path);
    }

    [Theory]
    [InlineData("model.pth")]
    [InlineData("model.safetensors")]
    public void A_damaged_file_is_refused(string name)
    {
        using var other = new ResNet18(10);
        var path = Save(other, name);
        using (var file = File.OpenWrite(path))
            file.SetLength(file.Length / 2);
        AssertRefused($"--weights: {path}: ", path);
    }

    [Fact]
    public void A_file_of_another_format_is_refused() =>
        AssertRefused("is compressed with gzip, expected weights written by torch.save or safetensors", _data["t10k-labels-idx1-ubyte.gz"]);

    private string Save(nn.Module model, string name = "model.pth")
    {
        Checkpoint.Save(model, _files[name]);
        return _files[name];
    }

    /// <summary>Creates a module of a network's layers up to the classifier, under their names, and of other layers.</summary>
    private static Sequential CreateFeatures(ResNet18 model, params (string, nn.Module<Tensor, Tensor>)[] others) => nn.Sequential(
    [
        ("conv1", model.conv1), ("bn1", model.bn1),
        ("layer1", model.layer1), ("layer2", model.layer2), ("layer3", model.layer3), ("layer4", model.layer4),
        .. others,
    ]);

    private void AssertAllButTheClassifierIsLoaded(ResNet18 other, nn.Module saved, string fresh)
    {
        using var model = new ResNet18(10);
        using var classifier = nn.Linear(512, 10);
        classifier.load_state_dict(model.fc.state_dict());
        var path = Save(saved);

        var line = StartingWeights.LoadFile(model, path).Line;

        Assert.Equal($"weights from {path}: 120 of 122 tensors; the classifier starts with random weights: {fresh}", line);
        Assert.Equal(0, Network.ComputeDistance(other.parameters().SkipLast(2), model.parameters().SkipLast(2)));
        Assert.Equal(0, Network.ComputeDistance(classifier.parameters(), model.fc.parameters()));
    }

    /// <returns>The lines that the program printed.</returns>
    private string[] Train(string folder, params string[] arguments)
    {
        var (code, output, error) = Run(["--data", _data.Path, "--out", _out[folder], "--epochs", "1", "--batch-size", "16", "--device", "cpu", .. arguments]);
        Assert.Equal((0, ""), (code, error));
        return output.ReplaceLineEndings("\n").Split('\n');
    }

    private static void AssertDoesNotFit(string message, string weights)
    {
        using var model = new ResNet18(10);
        Assert.EndsWith(message, Assert.Throws<UserException>(() => StartingWeights.LoadFile(model, weights)).Message, StringComparison.Ordinal);
    }

    private void AssertRefused(string message, string weights)
    {
        SampleProgram.AssertRefused(message, "--data", _data.Path, "--out", _out["new"], "--weights", weights);
        Assert.False(Directory.Exists(_out["new"])); // refused before anything was written
    }
}
