using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Modules with a tensor that cannot be written to or saved. They are refused before anything is changed or written.</summary>
public sealed class UnwritableModuleTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Unwritable => new()
    {
        { "expanded", "memory for each of its elements, got one of shape (3, 2) and strides (1, 0)" },
        { "windows", "memory for each of its elements, got one of shape (3, 2) and strides (1, 1)" },
        { "meta", "on the meta device" },
        { "sparse", "expected a dense tensor" },
        { "complex", "got ComplexFloat32" },
        { "inference", "expected a tensor that can be written to" },
    };

    private static Tensor CreateOddTensor(string kind)
    {
        using var inference = kind == "inference" ? inference_mode() : null;
        return kind switch
        {
            "expanded" => zeros(3, 1).expand(3, 2),
            "windows" => zeros(4).unfold(0, 2, 1),
            "meta" => zeros([3, 2], device: new Device("meta")),
            "sparse" => sparse_coo_tensor(zeros([2, 1], ScalarType.Int64), ones(1), [3, 2]),
            "complex" => zeros([3, 2], ScalarType.ComplexFloat32),
            _ => zeros(3, 2),
        };
    }

    [Theory]
    [MemberData(nameof(Unwritable))]
    public void An_unwritable_tensor_is_refused_before_anything_is_copied(string kind, string message)
    {
        using var saved = new TensorBag(("a", ones(5)), ("odd", ones(3, 2)), ("z", ones(4)));
        using var loaded = new TensorBag(("a", zeros(5)), ("odd", CreateOddTensor(kind)), ("z", zeros(4)));
        Checkpoint.Save(saved, _folder["model.pth"]);
        foreach (var strict in (bool[])[true, false])
        {
            var problem = Assert.Throws<ArgumentException>(() => Checkpoint.Load(loaded, _folder["model.pth"], strict));
            Assert.StartsWith("odd: expected ", problem.Message, StringComparison.Ordinal);
            Assert.Contains(message, problem.Message, StringComparison.Ordinal);
            Assert.Equal(0, loaded.state_dict()["a"].sum().item<float>());
            Assert.Equal(0, loaded.state_dict()["z"].sum().item<float>());
        }
    }

    [Fact]
    public void A_tensor_missing_from_the_file_can_be_of_any_kind()
    {
        using var saved = new TensorBag(("a", ones(5)));
        using var loaded = new TensorBag(("a", zeros(5)), ("odd", CreateOddTensor("expanded")));
        Checkpoint.Save(saved, _folder["model.pth"]);
        Assert.Equal(["odd"], Checkpoint.Load(loaded, _folder["model.pth"], strict: false).Missing);
        Assert.Equal(5, loaded.state_dict()["a"].sum().item<float>());
    }

    [Fact]
    public void Views_without_overlap_are_loaded_with_any_strides()
    {
        var (columns, steps, image) = (zeros(4, 6), zeros(9), zeros([2, 3, 4, 5]));
        using var saved = new TensorBag(("columns", rand(6, 4)), ("steps", rand(3)), ("image", rand(2, 3, 4, 5)), ("one", rand(1, 1)), ("none", rand(0, 3)), ("scalar", rand([])));
        using var loaded = new TensorBag(
            ("columns", columns.t()), ("steps", steps[TensorIndex.Slice(step: 3)]), ("image", image.ToMemoryFormat(memory_format.channels_last)),
            ("one", zeros(1).expand(1, 1)), ("none", zeros(1).expand(0, 3)), ("scalar", zeros([])));
        Checkpoint.Save(saved, _folder["model.pth"]);
        Checkpoint.Load(loaded, _folder["model.pth"]);
        Assert.All(saved.state_dict(), entry => Pattern.AssertEqual(entry.Value, loaded.state_dict()[entry.Key], entry.Key));
    }

    [Theory]
    [InlineData("meta", "on the meta device")]
    [InlineData("sparse", "expected a dense tensor")]
    [InlineData("complex", "got ComplexFloat32")]
    public void An_unsavable_tensor_is_refused_before_anything_is_written(string kind, string message)
    {
        using var bag = new TensorBag(("a", ones(5)), ("odd", CreateOddTensor(kind)));
        AssertNotSaved(bag, "odd: expected", message);
    }

    [Fact]
    public void A_module_with_a_disposed_part_is_refused()
    {
        using var whole = new ResNet18(10);
        Checkpoint.Save(whole, _folder["whole.pth"]);
        using var part = new ResNet18(10);
        part.layer4.Dispose();
        using var one = new ResNet18(10);
        one.bn1.running_mean!.Dispose();

        Assert.Contains("layer4.0.conv1.weight was disposed", Assert.Throws<ArgumentException>(() => Checkpoint.Load(part, _folder["whole.pth"], strict: false)).Message, StringComparison.Ordinal);
        File.Delete(_folder["whole.pth"]);
        AssertNotSaved(part, "layer4.0.conv1.weight was disposed");
        AssertNotSaved(one, "bn1.running_mean was disposed");
    }

    [Fact]
    public void A_name_that_would_not_survive_a_round_trip_is_refused()
    {
        using var half = new TensorBag(("a\ud800", ones(1)));
        AssertNotSaved(half, "half a surrogate pair");

        using var reserved = new TensorBag(("__metadata__", ones(1)), ("a", ones(1)));
        Assert.Contains("__metadata__", Assert.Throws<ArgumentException>(() => Checkpoint.Save(reserved, _folder["model.safetensors"])).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    /// <summary>Outside safetensors, even __metadata__ is an ordinary name.</summary>
    [Theory]
    [InlineData("pth", "__metadata__")]
    [InlineData("pth", "_metadata")]
    [InlineData("pth", "")]
    [InlineData("pth", ".")]
    [InlineData("pth", "a\nb\0 'c' \\ größe 😀")]
    [InlineData("safetensors", "_metadata")]
    [InlineData("safetensors", "")]
    [InlineData("safetensors", "..")]
    [InlineData("safetensors", "a\nb\0 'c' \\ größe 😀")]
    public void Every_other_name_survives_a_round_trip(string extension, string name)
    {
        using var saved = new TensorBag((name, ones(2)), ("other", ones(3)));
        using var loaded = new TensorBag((name, zeros(2)), ("other", zeros(3)));
        Checkpoint.Save(saved, _folder[$"model.{extension}"]);
        Assert.Equal(2, Checkpoint.Load(loaded, _folder[$"model.{extension}"]).Loaded.Count);
        Assert.Equal(2, loaded.state_dict()[name].sum().item<float>());
    }

    /// <summary>As in PyTorch, its tensors have both names.</summary>
    [Fact]
    public void A_module_registered_twice_is_saved_and_loaded_under_both_names()
    {
        using var layer = nn.Linear(2, 3);
        using var twice = nn.Sequential(("a", layer), ("b", layer));
        using var two = nn.Sequential(("a", nn.Linear(2, 3)), ("b", nn.Linear(2, 3)));
        Checkpoint.Save(twice, _folder["twice.pth"]);
        Assert.Equal(["a.weight", "a.bias", "b.weight", "b.bias"], Checkpoint.Load(two, _folder["twice.pth"]).Loaded);
        Pattern.AssertEqual(layer.weight!, ((Linear)two[1]).weight!, "b.weight");
        Assert.Equal(4, Checkpoint.Load(twice, _folder["twice.pth"]).Loaded.Count);

        using (no_grad())
            ((Linear)two[1]).weight!.fill_(7);
        Checkpoint.Save(two, _folder["two.pth"]);
        using var unchanged = new Unchanged(twice);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(twice, _folder["two.pth"]));
        Assert.Contains("two values, 'a.weight' and 'b.weight', for tensors that are tied in the module", problem.Message, StringComparison.Ordinal);
        unchanged.Assert();
    }

    /// <summary>A failed training leaves NaN, which does not equal itself.</summary>
    [Fact]
    public void Tied_NaN_weights_count_as_equal()
    {
        using var shared = nn.Linear(2, 2);
        using var tied = nn.Sequential(("a", shared), ("b", shared));
        using (no_grad())
            shared.weight[0, 0] = float.NaN;
        Checkpoint.Save(tied, _folder["model.pth"]);
        Assert.Equal(["a.weight", "a.bias", "b.weight", "b.bias"], Checkpoint.Load(tied, _folder["model.pth"]).Loaded);
    }

    private void AssertNotSaved(nn.Module module, params string[] message)
    {
        foreach (var file in (string[])["model.pth", "model.safetensors"])
        {
            var problem = Assert.Throws<ArgumentException>(() => Checkpoint.Save(module, _folder[file]));
            Assert.All(message, part => Assert.Contains(part, problem.Message, StringComparison.Ordinal));
        }
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }
}
