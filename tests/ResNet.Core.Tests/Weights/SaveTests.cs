using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using ResNet.Core.Tests.Parity;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

public sealed class SaveTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Extensions => ["pth", "pt", "PTH", "safetensors"];

    [Theory]
    [MemberData(nameof(Extensions))]
    public void A_saved_network_loads_again(string extension)
    {
        using var saved = new ResNet18(10, Stem.Conv3);
        using var loaded = new ResNet18(10, Stem.Conv3);
        using (var x = rand(2, 3, 8, 8))
        using (saved.forward(x)) // moves the running statistics away from their defaults
        {
        }
        Checkpoint.Save(saved, _folder[$"model.{extension}"]);
        var report = Checkpoint.Load(loaded, _folder[$"model.{extension}"]);

        Assert.Equal(122, report.Loaded.Count);
        var expected = saved.state_dict();
        Assert.All(loaded.state_dict(), entry => Pattern.AssertEqual(expected[entry.Key], entry.Value, entry.Key));
        Assert.Equal([_folder[$"model.{extension}"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("types.pth")]
    [InlineData("types.safetensors")]
    public void Every_type_and_odd_shapes_survive_a_round_trip(string fixture)
    {
        using var saved = LoadTests.CreateBagOfEveryType();
        using var loaded = LoadTests.CreateBagOfEveryType();
        Checkpoint.Load(saved, WeightsFixture.Find(fixture));
        Checkpoint.Save(saved, _folder[fixture]);
        Checkpoint.Load(loaded, _folder[fixture]);
        Pattern.AssertIn(loaded, LoadTests.TypeNames);
    }

    [Theory]
    [CpuData("pth")]
    [CpuData("safetensors")]
    [CudaData("pth")]
    [CudaData("safetensors")]
    public void Tensors_of_any_strides_and_device_are_saved_in_order(string device, string extension)
    {
        using var scope = NewDisposeScope();
        var transposed = Pattern.Create(0, [4, 6]).to(new Device(device)).t();
        var part = Pattern.Create(1, [10]).to(new Device(device))[2..8];
        using var saved = new TensorBag(("transposed", transposed), ("part", part));
        using var loaded = new TensorBag(("transposed", zeros(6, 4)), ("part", zeros(6)));
        Checkpoint.Save(saved, _folder[$"model.{extension}"]);
        Checkpoint.Load(loaded, _folder[$"model.{extension}"]);
        Pattern.AssertEqual(transposed.cpu(), loaded.state_dict()["transposed"], "transposed");
        Pattern.AssertEqual(part.cpu(), loaded.state_dict()["part"], "part");
    }

    /// <summary>Tensors are written and read in pieces of 2^27 elements.</summary>
    [Theory, Trait(Category.Name, Category.Slow)]
    [InlineData("pth")]
    [InlineData("safetensors")]
    public void A_tensor_of_several_pieces_survives_a_round_trip(string extension)
    {
        using var scope = NewDisposeScope();
        var counts = arange((1 << 27) + 3, dtype: ScalarType.Int32).to(ScalarType.Byte);
        using var saved = new TensorBag(("weight", counts));
        using var loaded = new TensorBag(("weight", zeros_like(counts)));
        Checkpoint.Save(saved, _folder[$"model.{extension}"]);
        Checkpoint.Load(loaded, _folder[$"model.{extension}"]);
        Assert.True(loaded.state_dict()["weight"].equal(counts).all().item<bool>());
    }

    /// <summary>The parity tests' fixtures list the order of PyTorch's own state_dict.</summary>
    [Fact]
    public void The_names_are_in_PyTorchs_order()
    {
        var expected = Fixture.Read<JsonElement>("weights").GetProperty("networks")[0].GetProperty("state_dict").EnumerateArray().Select(entry => entry.GetProperty("name").GetString()!).ToList();
        Assert.Equal(122, expected.Count);
        using var model = new ResNet18(10);
        Checkpoint.Save(model, _folder["model.pth"]);

        var pickle = Zip.Read(_folder["model.pth"], "archive/data.pkl");
        var position = 0;
        foreach (var name in expected)
        {
            var text = Pickled.Text(name);
            var found = pickle.AsSpan(position).IndexOf(text);
            Assert.True(found >= 0, $"{name} does not come after the one before it");
            position += found + text.Length;
        }
    }

    [Fact]
    public void A_tensor_with_a_dot_in_its_own_name_is_saved()
    {
        using var saved = new TensorBag(("a.b", ones(2)), ("c", ones(3)));
        using var loaded = new TensorBag(("a.b", zeros(2)), ("c", zeros(3)));
        Checkpoint.Save(saved, _folder["model.pth"]);
        Assert.Equal(["c", "a.b"], Checkpoint.Load(loaded, _folder["model.pth"]).Loaded);
    }

    [Fact]
    public void A_safetensors_file_is_aligned_and_has_metadata_and_no_holes()
    {
        using var bag = new TensorBag(("bytes", zeros([3], ScalarType.Byte)), ("half", zeros([5], ScalarType.Float16)), ("long", zeros([3], ScalarType.Int64)), ("float", zeros([3])), ("größe \"x\"", zeros([1])));
        Checkpoint.Save(bag, _folder["model.safetensors"]);

        var file = File.ReadAllBytes(_folder["model.safetensors"]);
        var headerLength = BinaryPrimitives.ReadInt64LittleEndian(file);
        Assert.Equal(0, headerLength % 8);
        Assert.Equal((byte)'{', file[8]);
        using var header = JsonDocument.Parse(file.AsMemory(8, (int)headerLength));
        Assert.Equal("pt", header.RootElement.GetProperty("__metadata__").GetProperty("format").GetString());

        var position = 0L;
        var tensors = header.RootElement.EnumerateObject().Where(property => property.Name != "__metadata__").ToList();
        Assert.Equal(["long", "float", "größe \"x\"", "half", "bytes"], tensors.Select(property => property.Name));
        foreach (var (tensor, size) in tensors.Zip([8, 4, 4, 2, 1]))
        {
            var offsets = tensor.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToList();
            Assert.Equal(position, offsets[0]);
            Assert.Equal(0, offsets[0] % size);
            position = offsets[1];
        }
        Assert.Equal(file.Length, 8 + headerLength + position);
    }

    [Theory]
    [MemberData(nameof(Extensions))]
    public void The_same_weights_give_the_same_bytes(string extension)
    {
        using var block = new BasicBlock(3, 4, 2);
        Checkpoint.Save(block, _folder[$"a.{extension}"]);
        Checkpoint.Save(block, _folder[$"b.{extension}"]);
        Assert.Equal(File.ReadAllBytes(_folder[$"a.{extension}"]), File.ReadAllBytes(_folder[$"b.{extension}"]));

        // The file does not contain the time.
        if (extension != "safetensors")
        {
            using var archive = ZipFile.OpenRead(_folder[$"a.{extension}"]);
            Assert.All(archive.Entries, entry => Assert.Equal(1980, entry.LastWriteTime.Year));
        }
    }

    [Theory]
    [MemberData(nameof(Extensions))]
    public void Batch_counters_are_int64_whatever_the_modules_dtype(string extension)
    {
        using var norm = nn.BatchNorm2d(3, dtype: ScalarType.BFloat16);
        Assert.Equal(ScalarType.BFloat16, norm.num_batches_tracked!.dtype); // in PyTorch it is always int64
        using (no_grad())
            norm.num_batches_tracked!.fill_(7);
        Checkpoint.Save(norm, _folder[$"model.{extension}"]);

        using var bag = new TensorBag(("num_batches_tracked", zeros([], ScalarType.Int64)));
        Checkpoint.Load(bag, _folder[$"model.{extension}"], strict: false);
        Assert.Equal(7, bag.state_dict()["num_batches_tracked"].item<long>());
        var file = File.ReadAllText(_folder[$"model.{extension}"], Encoding.Latin1);
        Assert.Contains(extension == "safetensors" ? "\"I64\"" : "LongStorage", file, StringComparison.Ordinal);
        Checkpoint.Load(norm, _folder[$"model.{extension}"]);
        Assert.Equal(7, norm.num_batches_tracked!.to(ScalarType.Int64).item<long>());
    }

    [Fact]
    public void A_failed_save_leaves_the_folder_unchanged()
    {
        byte[] before = [1, 2, 3];
        using var block = new BasicBlock(3, 4, 2);
        using var complex = new TensorBag(("a", zeros(3)), ("b", zeros([3], ScalarType.ComplexFloat32)));
        var path = _folder.Write("model.pth", before);

        var problem = Assert.Throws<ArgumentException>(() => Checkpoint.Save(complex, path));
        Assert.Contains("b: expected one of the types Float64,", problem.Message, StringComparison.Ordinal);
        Assert.Contains("got ComplexFloat32", problem.Message, StringComparison.Ordinal);

        var disposed = new BasicBlock(3, 4, 2);
        disposed.Dispose();
        Assert.Throws<ArgumentException>(() => Checkpoint.Save(disposed, path));
        using var empty = nn.ReLU();
        Assert.Contains("without any", Assert.Throws<ArgumentException>(() => Checkpoint.Save(empty, path)).Message, StringComparison.Ordinal);

        foreach (var name in (string[])["model", "model.dat", "model.pth.zip", "pth", ".onnx"])
            Assert.Contains("ending in .pth, .pt or .safetensors", Assert.Throws<ArgumentException>(() => Checkpoint.Save(block, _folder[name])).Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => Checkpoint.Save(block, _folder["none/model.pth"]));
        Assert.Throws<ArgumentNullException>(() => Checkpoint.Save(null!, path));
        Assert.Throws<ArgumentNullException>(() => Checkpoint.Save(block, null!));

        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Saving_leaves_no_tensors_and_does_not_change_the_module()
    {
        using var block = new BasicBlock(3, 4, 2, dtype: ScalarType.Float64);
        using var unchanged = new Unchanged(block);
        Checkpoint.Save(block, _folder["model.pth"]);
        var before = Tensor.TotalCount;
        Checkpoint.Save(block, _folder["model.pth"]);
        Checkpoint.Save(block, _folder["model.safetensors"]);
        Assert.Equal(before, Tensor.TotalCount);
        unchanged.Assert();
    }
}
