using System.Text;
using static ResNet.Core.Tests.Weights.Pickled;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Weights;

/// <summary>Objects that a file holds in addition to its tensors: harmless ones are skipped, and dangerous ones end every load.</summary>
public sealed class ExtraObjectsTests : IDisposable
{
    private const byte Reduce = (byte)'R', NewObj = 0x81, StackGlobal = 0x93;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>About 100 kinds of objects, pickled by real PyTorch (make_weights.py).</summary>
    [Theory]
    [InlineData("beside1.pth")]
    [InlineData("beside2.pth")]
    [InlineData("beside3.pth")]
    [InlineData("beside4.pth")]
    [InlineData("beside5.pth")]
    [InlineData("legacy_beside.pth")]
    public void Objects_that_training_programs_save_are_skipped(string file)
    {
        using var block = new BasicBlock(3, 4, stride: 2);
        Assert.Equal(LoadTests.BlockNames, Checkpoint.Load(block, WeightsFixture.Find(file)).Loaded);
        Pattern.AssertIn(block, LoadTests.BlockNames);
    }

    /// <summary>Writes a dict with a tensor and an extra object.</summary>
    private string WriteWithExtra(params ReadOnlySpan<byte> value) => _folder.Write("weights.pth", CreateArchive(
        [.. Proto, (byte)'}', .. Text("weight"), .. Tensor(Storage(), 0, Ints(2, 2), Ints(2, 1)), (byte)'s', .. Text("extra"), .. value, .. "s."u8]));

    private LoadReport LoadWithExtra(params ReadOnlySpan<byte> value)
    {
        using var bag = new TensorBag(("weight", ones(2, 2)));
        var report = Checkpoint.Load(bag, WriteWithExtra(value), strict: false);
        Assert.Equal(0, bag.state_dict()["weight"].sum().item<float>());
        Assert.Equal(["extra"], report.Unexpected);
        return report;
    }

    private void AssertFunctionRefused(string name, params ReadOnlySpan<byte> value) => Hostile.AssertRefused(WriteWithExtra(value), $"asks for {name}, which no weights need", "not run");

    [Theory]
    [InlineData("__main__.Config")]
    [InlineData("config.make")] // a user's own class: unknown, and not called
    [InlineData("mylib.sub.Outer.Inner")]
    [InlineData("omegaconf.dictconfig.DictConfig")]
    [InlineData("mmengine.logging.history_buffer.HistoryBuffer")] // part of the name is also in the standard library
    [InlineData("argparse.Namespace")]
    [InlineData("builtins.set")]
    [InlineData("__builtin__.frozenset")]
    [InlineData("__builtin__.ValueError")]
    [InlineData("exceptions.KeyError")]
    [InlineData("_codecs.encode")]
    [InlineData("datetime.datetime")]
    [InlineData("pathlib.PosixPath")]
    [InlineData("collections.deque")]
    [InlineData("functools.partial")]
    [InlineData("numpy.core.multiarray.scalar")]
    [InlineData("numpy._core.multiarray.scalar")]
    [InlineData("numpy.dtype")]
    [InlineData("numpy.random._pickle.__bit_generator_ctor")]
    [InlineData("torch.Size")]
    [InlineData("torch.device")]
    [InlineData("torch.Generator")]
    [InlineData("torch.nn.modules.linear.Linear")]
    [InlineData("torch.serialization._get_layout")]
    [InlineData("torch.nn.backends.thnn._get_thnn_function_backend")] // in every whole model before PyTorch 1.5
    public void An_object_of_a_harmless_class_is_skipped(string name)
    {
        var (module, last) = (name[..name.LastIndexOf('.')], name[(name.LastIndexOf('.') + 1)..]);
        byte[] arguments = Tuple(Text("a"), Int(2)), state = [.. "}"u8, .. Text("lr"), .. "K\u0001s"u8];
        LoadWithExtra([.. Global(module, last), .. arguments, Reduce]);
        LoadWithExtra([.. Text(module), .. Text(last), StackGlobal, .. arguments, Reduce, .. state, (byte)'b']);
        LoadWithExtra([.. Global(module, last), (byte)')', NewObj, .. state, (byte)'b']);
        LoadWithExtra([.. Global(module, last), (byte)')', (byte)'}', 0x92, (byte)'(', .. Text("k"), (byte)'N', .. "u]Na0Na"u8]); // items of a dict and of a list
        LoadWithExtra([.. Global("copy_reg", "_reconstructor"), .. Tuple(Global(module, last), Global("__builtin__", "object"), "N"u8.ToArray()), Reduce]);
        LoadWithExtra(Global(module, last));
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("nt", "system")]
    [InlineData("subprocess", "Popen")]
    [InlineData("builtins", "eval")]
    [InlineData("builtins", "exec")]
    [InlineData("__builtin__", "eval")]
    [InlineData("__builtin__", "compile")]
    [InlineData("builtins", "open")]
    [InlineData("builtins", "__import__")]
    [InlineData("builtins", "setattr")]
    [InlineData("sys", "exit")]
    [InlineData("importlib", "import_module")]
    [InlineData("runpy", "run_path")]
    [InlineData("shutil", "rmtree")]
    [InlineData("socket", "socket")]
    [InlineData("ctypes", "CDLL")]
    [InlineData("pickle", "loads")]
    [InlineData("_pickle", "loads")]
    [InlineData("cPickle", "loads")]
    [InlineData("marshal", "loads")]
    [InlineData("types", "CodeType")]
    [InlineData("types", "FunctionType")]
    [InlineData("code", "interact")]
    [InlineData("timeit", "timeit")]
    [InlineData("cProfile", "run")]
    [InlineData("pdb", "run")]
    [InlineData("pty", "spawn")]
    [InlineData("webbrowser", "open")]
    [InlineData("urllib.request", "urlopen")]
    [InlineData("http.server", "test")]
    [InlineData("multiprocessing.util", "spawnv_passfds")]
    [InlineData("commands", "getoutput")]
    [InlineData("_posixsubprocess", "fork_exec")]
    [InlineData("io", "open")]
    [InlineData("io", "FileIO")]
    [InlineData("tempfile", "NamedTemporaryFile")]
    [InlineData("logging", "FileHandler")]
    [InlineData("operator", "attrgetter")]
    [InlineData("operator", "methodcaller")]
    [InlineData("_operator", "call")]
    [InlineData("pathlib", "Path.write_text")]
    [InlineData("collections", "_sys.exit")]
    [InlineData("collections", "OrderedDict\u200b")]
    [InlineData("torch.serialization", "os.system")]
    [InlineData("mylib", "utils.subprocess.run")]
    [InlineData("mylib", "make.__globals__.get")]
    [InlineData("torch", "load")]
    [InlineData("torch", "hub.load")]
    [InlineData("torch.hub", "load")]
    [InlineData("torch.jit", "load")]
    [InlineData("torch.jit", "CompilationUnit")]
    [InlineData("torch.package", "PackageImporter")]
    [InlineData("torch.storage", "_load_from_bytes")]
    [InlineData("torch.utils.cpp_extension", "load_inline")]
    [InlineData("numpy", "load")]
    [InlineData("numpy.testing._private.utils", "runstring")]
    [InlineData("pandas", "read_pickle")]
    [InlineData("pip", "main")]
    [InlineData("setuptools", "setup")]
    [InlineData("cloudpickle.cloudpickle", "_make_function")]
    [InlineData("dill._dill", "_create_function")]
    [InlineData("requests", "get")]
    public void A_dangerous_function_is_refused_by_name_whichever_instruction_requests_it(string module, string name)
    {
        var called = $"{module}.{name}";
        byte[] arguments = Tuple(Text("touch /tmp/owned"));
        AssertFunctionRefused(called, [.. Global(module, name), .. arguments, Reduce]);
        AssertFunctionRefused(called, [.. Text(module), .. Text(name), StackGlobal, .. arguments, Reduce]);
        AssertFunctionRefused(called, [.. Global(module, name), .. arguments, NewObj]);
        AssertFunctionRefused(called, [.. Global("functools", "partial"), .. Tuple(Global(module, name), Text("touch /tmp/owned")), Reduce, (byte)')', Reduce]);
        AssertFunctionRefused(called, [.. Global("builtins", "map"), .. Tuple(Global(module, name), "]"u8.ToArray()), Reduce]);
        AssertFunctionRefused(called, Global(module, name)); // even without a call
    }

    /// <summary>In known packages, only the functions that construct objects may be called. A name without a call is harmless, such as the activation in a model.</summary>
    [Theory]
    [InlineData("torch", "save")]
    [InlineData("torch.fx.graph_module", "reduce_graph_module")]
    [InlineData("torch", "FloatStorage.from_file")]
    [InlineData("torchvision.models.resnet", "resnet18")]
    [InlineData("numpy", "save")]
    public void A_call_of_another_PyTorch_or_NumPy_function_is_refused(string module, string name)
    {
        AssertFunctionRefused($"{module}.{name}", [.. Global(module, name), (byte)')', Reduce]);
        LoadWithExtra(Global(module, name));
    }

    [Fact]
    public void Attributes_are_never_looked_up()
    {
        LoadWithExtra([.. Global("builtins", "getattr"), .. Tuple(Global("__main__", "Color"), Text("RED")), Reduce]); // an enum member in Python 3.11
        AssertFunctionRefused("torch.storage._load_from_bytes", [.. Global("builtins", "getattr"), .. Tuple(Global("torch", "storage"), Text("_load_from_bytes")), Reduce]);
        AssertFunctionRefused("mylib.tools.os", [.. Global("builtins", "getattr"), .. Tuple([.. Global("builtins", "getattr"), .. Tuple(Global("mylib", "tools"), Text("os")), Reduce], Text("system")), Reduce]);
        AssertFunctionRefused("builtins.getattr", [.. Global("builtins", "getattr"), .. Tuple(Text("a"), Text("b")), Reduce]);
        Hostile.AssertRefused(WriteWithExtra([.. Global("mylib", "Class"), (byte)')', NewObj, (byte)')', Reduce]), "calls an object of class mylib.Class");
        Hostile.AssertRefused(WriteWithExtra([.. Text("os.system"), (byte)')', Reduce]), "calls a str");
    }

    [Fact]
    public void Keys_that_are_equal_in_Python_are_duplicates()
    {
        byte[][] keys = ["N"u8.ToArray(), [0x88], [(byte)'G', .. new byte[8]], ")"u8.ToArray(), [(byte)'C', 1, 65], [(byte)'C', 1, 66], Int(1L << 62), Global("mylib", "A"), [0x8a, 9, .. new byte[8], 1], Text("a")];
        LoadWithExtra([(byte)'}', (byte)'(', .. keys.SelectMany(key => key.Append((byte)'N')), (byte)'u']);

        // 1, 1.0 and True are one key.
        byte[] one = Int(1), oneAsFloat = [(byte)'G', 0x3f, 0xf0, 0, 0, 0, 0, 0, 0], oneAsBool = [0x88];
        foreach (var (key, again) in new[] { (one, oneAsFloat), (one, oneAsBool), (oneAsFloat, oneAsBool), (oneAsBool, oneAsBool), (Text("a"), Text("a")) })
            Hostile.AssertRefused(WriteWithExtra([.. "}("u8, .. key, (byte)'N', .. again, .. "Nu"u8]), "twice in a dictionary");
        foreach (var (key, name) in new[] { ("]", "a list"), ("}", "a dict") })
            Hostile.AssertRefused(WriteWithExtra([.. "}"u8, .. Encoding.ASCII.GetBytes(key), .. "Ns"u8]), $"{name} as a key");
    }

    /// <summary>As PyTorch versions newer than the fixtures' write them.</summary>
    [Fact]
    public void An_unsupported_tensor_is_unexpected_and_its_kind_is_reported()
    {
        byte[] v2 = Global("torch._utils", "_rebuild_tensor_v2"), shape = Ints(2), stride = Ints(1);
        byte[] NewStorage(string type) => [.. Tuple(Text("storage"), Global("torch.storage", type), Text("0"), Text("cpu"), Int(4)), (byte)'Q'];
        byte[] negated = [.. "}"u8, .. Text("neg"), 0x88, (byte)'s'];

        AssertKind("tensor of torch.float8_e4m3fn", [.. Global("torch._utils", "_rebuild_tensor_v3"), .. Tuple(NewStorage("UntypedStorage"), Int(0), shape, stride, [0x89], OrderedDict, Global("torch", "float8_e4m3fn")), Reduce]);
        AssertKind("tensor of torch.storage.UntypedStorage", [.. v2, .. Tuple(NewStorage("UntypedStorage"), Int(0), shape, stride, [0x89], OrderedDict), Reduce]);
        AssertKind("lazily negated or conjugated tensor", [.. v2, .. Tuple(Storage(), Int(0), shape, stride, [0x89], OrderedDict, negated), Reduce]);
        AssertKind("nested tensor", [.. Global("torch._utils", "_rebuild_nested_tensor"), (byte)')', Reduce]);
        AssertKind("tensor of class mylib.Scaled", [.. Global("torch._tensor", "_rebuild_from_type_v2"), .. Tuple(v2, Global("mylib", "Scaled"), "("u8.ToArray().Append((byte)'t').ToArray(), "}"u8.ToArray()), Reduce]);

        void AssertKind(string kind, byte[] tensor) => Assert.Contains($"extra ({kind}", LoadWithExtra(tensor).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unsupported_tensor_that_the_module_needs_is_reported_with_its_kind()
    {
        var path = _folder.Write("weights.pth", CreateArchive(Dict("weight", [.. Global("torch._utils", "_rebuild_sparse_tensor"), (byte)')', Reduce])));
        using var bag = new TensorBag(("weight", ones([])));
        using var unchanged = new Unchanged(bag);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(bag, path));
        Assert.Contains("missing in the file: weight; unexpected in the file: weight (sparse tensor, which is not loaded)", problem.Message, StringComparison.Ordinal);
        unchanged.Assert();
    }

    /// <summary>As PyTorch versions newer than the fixtures' write them.</summary>
    [Fact]
    public void A_tensor_or_a_parameter_with_attributes_is_loaded()
    {
        byte[] tensor = Tensor(Storage(), 0, Ints(2, 2), Ints(2, 1)), noAttributes = "}"u8.ToArray();
        AssertLoads([.. Global("torch._utils", "_rebuild_parameter_with_state"), .. Tuple(tensor, [0x88], OrderedDict, noAttributes), Reduce]);
        foreach (var (module, name) in new[] { ("torch", "Tensor"), ("torch.nn.parameter", "Parameter") })
            AssertLoads([.. Global("torch._tensor", "_rebuild_from_type_v2"), .. Tuple(
                Global("torch._utils", "_rebuild_tensor_v2"), Global(module, name), Tuple(Storage(), Int(0), Ints(2, 2), Ints(2, 1), [0x89], OrderedDict), noAttributes), Reduce]);
        AssertLoads([.. Global("torch._utils", "_rebuild_tensor"), .. Tuple(Storage(), Int(0), Ints(2, 2), Ints(2, 1)), Reduce]);

        void AssertLoads(byte[] value)
        {
            using var bag = new TensorBag(("weight", ones(2, 2)));
            Checkpoint.Load(bag, _folder.Write("weights.pth", CreateArchive(Dict("weight", value))));
            Assert.Equal(0, bag.state_dict()["weight"].sum().item<float>());
        }
    }
}
