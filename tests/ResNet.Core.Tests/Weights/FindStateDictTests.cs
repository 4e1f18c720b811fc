using static ResNet.Core.Tests.Weights.Pickled;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>A training checkpoint holds more than the weights. Load takes the one state_dict in it that fits.</summary>
public sealed class FindStateDictTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("wrapped_net.pth")]
    [InlineData("tensor_beside.pth")]
    [InlineData("tensors_beside.pth")] // one with the name of a submodule, and momentum under the parameters' names
    [InlineData("nested.pth")]
    [InlineData("same_twice.pth")]
    public void The_state_dict_is_found_by_its_contents(string file)
    {
        foreach (var strict in (bool[])[true, false])
        {
            using var block = new BasicBlock(3, 4, stride: 2);
            var report = Checkpoint.Load(block, WeightsFixture.Find(file), strict);
            Assert.Equal(LoadTests.BlockNames, report.Loaded);
            Assert.Empty(report.Unexpected);
            Pattern.AssertIn(block, LoadTests.BlockNames);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_that_fit_are_refused_with_their_keys_and_Python_code_to_choose_one(bool strict) =>
        AssertRefused("two_models.pth", strict,
            "more than one state_dict that fits BasicBlock", "under ['model']; under ['model_ema']",
            "torch.save(torch.load(path, map_location=\"cpu\")['model'], \"one.pth\")");

    /// <summary>Weights in a user's subclass of dict and in an object's attributes count like those in a dict.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_state_dict_inside_an_object_is_found(bool strict)
    {
        byte[] model = Entry("weight", Weight(2)), other = Item("ema", Entry("weight", Weight(2, offset: 2)));
        byte[] subclass = Entry("model", [.. Global("mylib", "AttrDict"), (byte)')', 0x81, .. model]);
        byte[] attribute = Entry("model", [.. Global("argparse", "Namespace"), (byte)')', 0x81, (byte)'}', .. Item("net", model), (byte)'b']);
        foreach (var (value, place) in (IEnumerable<(byte[], string)>)[(subclass, "['model']"), (attribute, "['model'].net")])
        {
            using var bag = new TensorBag(("weight", ones(2)));
            var report = Checkpoint.Load(bag, Write(value), strict);
            Assert.Equal(["weight"], report.Loaded);
            Assert.Equal($"under {place}", report.Place);
            Assert.StartsWith($"under {place}: 1 tensor fits", report.ToString(), StringComparison.Ordinal);

            var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, Write([.. value, .. other]), strict));
            Assert.Contains("more than one state_dict", problem.Message, StringComparison.Ordinal);
            Assert.Contains($"under {place}", problem.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>In a strict load, the candidate with an extra tensor does not fit. In a non-strict load, it does.</summary>
    [Fact]
    public void A_candidate_with_extra_tensors_counts_only_when_not_strict()
    {
        var path = Write([.. Item("model", [.. Entry("weight", Weight(2)), .. Entry("more", Weight(1))]), .. Item("ema", Entry("weight", Weight(2, offset: 2)))]);
        using var bag = new TensorBag(("weight", ones(2)));
        Assert.Equal("under ['ema']", Checkpoint.Load(bag, path).Place);
        Assert.Contains("under ['model']; under ['ema']", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, path, strict: false)).Message, StringComparison.Ordinal);
    }

    /// <summary>PyTorch before 0.4 had no scalars, and saved them with shape (1).</summary>
    [Fact]
    public void A_tensor_of_shape_1_fits_a_scalar()
    {
        using var bag = new TensorBag(("weight", ones([])));
        Assert.Equal(["weight"], Checkpoint.Load(bag, Write(Entry("weight", Weight(1)))).Loaded);
        Assert.Equal(0, bag.state_dict()["weight"].item<float>());
        Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, Write(Entry("weight", Weight(2)))));
    }

    [Fact]
    public void The_candidate_with_the_modules_shapes_wins()
    {
        byte[] small = Item("small", Entry("weight", Weight(2))), large = Item("large", Entry("weight", Weight(4)));
        foreach (var (length, strict) in (IEnumerable<(int, bool)>)[(2, true), (2, false), (4, true), (4, false)])
        {
            using var bag = new TensorBag(("weight", ones(length)));
            Assert.Equal(["weight"], Checkpoint.Load(bag, Write([.. small, .. large]), strict).Loaded);
            Assert.Equal(0, bag.state_dict()["weight"].sum().item<float>());
        }
    }

    [Fact]
    public void The_most_complete_candidate_wins_and_a_tie_is_refused()
    {
        byte[] other = Item("other", Entry("bias", Weight(3))), half = Item("half", Entry("weight", Weight(2))), more = Item("more", [.. Entry("weight", Weight(2)), .. Entry("bias", Weight(1))]);
        using var bag = new TensorBag(("weight", ones(2)), ("bias", ones(1)), ("scale", ones(1)));

        var report = Checkpoint.Load(bag, Write([.. other, .. half, .. more]), strict: false);
        Assert.Equal(["weight", "bias"], report.Loaded);
        Assert.Equal(["scale"], report.Missing);

        // A strict load reports what the best candidate lacks.
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, Write([.. other, .. half, .. more])));
        Assert.Contains("does not fit TensorBag: under ['more']: 2 tensors fit; missing in the file: scale", problem.Message, StringComparison.Ordinal);

        problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, Write([.. more, .. Item("even", [.. Entry("weight", Weight(2)), .. Entry("scale", Weight(1))])]), strict: false));
        Assert.Contains("under ['more']; under ['even']", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_state_dict_nested_in_another_is_a_second_candidate()
    {
        using var bag = new TensorBag(("weight", ones(2)));
        var path = Write([.. Entry("weight", Weight(2)), .. Item("ema", Entry("weight", Weight(2, offset: 2)))]);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, path));
        Assert.Contains("the file itself; under ['ema']", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_a_fitting_tensor_is_refused_even_when_not_strict()
    {
        using var wrapper = nn.Sequential(("backbone", new BasicBlock(3, 4, stride: 2)));
        foreach (var strict in (bool[])[true, false])
        {
            var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(wrapper, WeightsFixture.Find("teacher_student.pth"), strict));
            Assert.EndsWith(
                "Sequential: expected tensor names like the module's 18 that begin with 'backbone.', such as backbone.conv1.weight, backbone.bn1.weight, backbone.bn1.bias; " +
                "got 36, such as teacher.conv1.weight, teacher.bn1.weight, teacher.bn1.bias, under ['state_dict']", problem.Message, StringComparison.Ordinal);

            problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(wrapper, WeightsFixture.Find("lightning.pth"), strict));
            Assert.Contains("got 18 that begin with 'model.', such as model.conv1.weight, ", problem.Message, StringComparison.Ordinal);
        }

        // A batch counter fits every network, and does not count as a fit.
        using var model = new ResNet18(10);
        using var unchanged = new Unchanged(model);
        Assert.Contains("does not fit ResNet18: 1 tensor fits; missing in the file: ",
            Assert.Throws<InvalidDataException>(() => Checkpoint.Load(model, WeightsFixture.Find("protocol2.pth"), strict: false)).Message, StringComparison.Ordinal);
        unchanged.Assert();

        using var bag = new TensorBag(("float32", ones(7)));
        Assert.Contains("0 tensors fit; unexpected in the file: float64, float16, bfloat16, int64, int32, int16 and 5 more; of another shape: float32 (expected (7), got (2, 3))",
            Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, WeightsFixture.Find("types.pth"), strict: false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Long_and_unprintable_names_give_one_short_line()
    {
        using var bag = new TensorBag(("weight", ones(2)));
        foreach (var name in (string[])["a\nb\u001b[2J", new string('x', 1_000_000), string.Concat(Enumerable.Repeat("a.", 100_000))])
        {
            var path = Write([.. Entry(name, Weight(2)), (byte)'K', 7, .. Weight(2), (byte)'s']);
            var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, path, strict: false)).Message;
            Assert.DoesNotContain(problem, char.IsControl);
            Assert.InRange(problem.Length, 1, path.Length + 1000);
        }
    }

    [Fact]
    public void A_state_dict_is_found_at_any_depth_and_its_path_is_shortened()
    {
        byte[] deep = [.. Proto, .. "}"u8, .. Entry("weight", Weight(2)), .. Enumerable.Repeat((byte)0x85, 1_000_000), (byte)'.'];
        var path = _folder.Write("weights.pth", CreateArchive(deep));
        using var bag = new TensorBag(("weight", ones(2)));
        Assert.Equal(["weight"], Checkpoint.Load(bag, path).Loaded);

        using var other = new TensorBag(("weight", ones(3)));
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(other, path));
        Assert.Contains("under […][0][0][0][0][0][0][0][0]: 0 tensors fit", problem.Message, StringComparison.Ordinal);
    }

    /// <summary>Each tuple holds the one before it twice, which gives 2^200,000 paths. There is also a cycle.</summary>
    [Fact]
    public void Every_object_is_visited_once_however_often_it_is_referenced()
    {
        using var bag = new TensorBag(("weight", ones(2)));
        byte[] cycle = [.. "]q\u0001h\u0001a}"u8, .. Text("cycle"), .. "h\u0001s"u8, 0x86]; // a list that holds itself, and a dict that holds the list
        byte[] twice = [.. Enumerable.Repeat((byte[])[(byte)'2', 0x86], 200_000).SelectMany(bytes => bytes)];
        var path = _folder.Write("weights.pth", CreateArchive([.. Proto, .. "}"u8, .. Entry("weight", Weight(2)), .. twice, .. cycle, 0x86, (byte)'.']));
        Assert.Equal(["weight"], Checkpoint.Load(bag, path).Loaded);
    }

    /// <summary>Dictionaries of a few bytes each, all with the same tensor: as many candidates as the file can hold.</summary>
    [Fact]
    public void Memory_for_many_dictionaries_is_bounded_by_the_file_size()
    {
        byte[] one = [.. "}h\u0001h\u0002s"u8];

        Hostile.AssertRefused(_folder.Write("none.pth", CreateArchive(CreateMany("a.b.c.d", 100_000))), "expected tensor names like the module's");
        Hostile.AssertRefused(_folder.Write("some.pth", CreateArchive(CreateMany("bn1.running_mean", 100_000))), factor: 400, "0 tensors fit"); // six bytes per dictionary
        Hostile.AssertRefused(_folder.Write("long.pth", CreateArchive(CreateMany(string.Concat(Enumerable.Repeat("a.", 490)) + "bn1.bias", 50_000))), "expected tensor names");

        byte[] CreateMany(string name, int count) => [.. Proto, .. Text(name), .. "q\u0001"u8, .. Weight(2), .. "q\u0002]("u8, .. Enumerable.Repeat(one, count).SelectMany(bytes => bytes), (byte)'e', 0x85, (byte)'.'];
    }

    private static void AssertRefused(string file, bool strict, params string[] message)
    {
        using var block = new BasicBlock(3, 4, stride: 2);
        using var unchanged = new Unchanged(block);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(block, WeightsFixture.Find(file), strict));
        Assert.All(message, part => Assert.Contains(part, problem.Message, StringComparison.Ordinal));
        unchanged.Assert();
    }

    private string Write(byte[] items) => _folder.Write("weights.pth", CreateArchive([.. Proto, (byte)'}', .. items, (byte)'.']));

    private static byte[] Entry(string key, byte[] value) => [.. Text(key), .. value, (byte)'s'];

    private static byte[] Item(string key, byte[] items) => Entry(key, [(byte)'}', .. items]);

    private static byte[] Weight(long length, long offset = 0) => Tensor(Storage(), offset, Ints(length), Ints(1));
}
