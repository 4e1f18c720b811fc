using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Tests.Deployment;

/// <summary>The network for inference against the one that it was made of.</summary>
public class FuseTests
{
    /// <summary>Measured: 4e-7.</summary>
    private const double Single = 1e-5;

    /// <summary>Measured: 1e-15.</summary>
    private const double Double = 1e-12;

    [Theory, Trait(Category.Name, Category.Slow)]
    [CpuData(Stem.Conv7, ScalarType.Float32, Single)]
    [CpuData(Stem.Conv7MaxPool, ScalarType.Float32, Single)]
    [CpuData(Stem.Conv3, ScalarType.Float32, Single)]
    [CpuData(Stem.Conv7, ScalarType.Float64, Double)]
    [CpuData(Stem.Conv7MaxPool, ScalarType.Float64, Double)]
    [CpuData(Stem.Conv3, ScalarType.Float64, Double)]
    [CpuData(Stem.Conv7, ScalarType.BFloat16, 0.05)]
    [CudaData(Stem.Conv7, ScalarType.Float32, 1e-3)] // TF32 convolutions
    [CudaData(Stem.Conv7MaxPool, ScalarType.Float64, Double)]
    [CudaData(Stem.Conv3, ScalarType.Float16, 0.05)]
    public void It_answers_as_the_model_does_in_eval_mode(string device, Stem stem, ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18(10, stem, new Device(device), dtype);
        using var fused = model.Fuse();
        Assert.True(model.training);
        model.eval();

        foreach (var (n, height, width) in ((int, int, int)[])[(1, 1, 1), (1, 33, 65), (3, 64, 48), (7, 32, 32), (0, 32, 32)])
        {
            var x = randn([n, 3, height, width], dtype, new Device(device));
            foreach (var input in (Tensor[])[x, x.ToMemoryFormat(memory_format.channels_last)])
            {
                var before = input.clone();
                var answer = fused.call(input);
                Assert.Equal((dtype, input.device_type), (answer.dtype, answer.device_type));
                Assert.Equal([n, 10], answer.shape);
                if (n > 0)
                    Assert.InRange(Trained.Apart(model.call(input), answer), 0, tolerance);
                Assert.True(input.equal(before).all().item<bool>()); // activations are in place, but not in the caller's
            }
        }
    }

    [Fact]
    public void It_keeps_the_weights_that_the_model_had()
    {
        using var scope = NewDisposeScope();
        using var x = randn(2, 3, 32, 32);
        var model = Trained.ResNet18();
        using var fused = model.Fuse();
        var answer = fused.call(x);

        using (var optimizer = optim.SGD(model.parameters(), 0.1))
        {
            F.cross_entropy(model.forward(x), tensor([1L, 2])).backward();
            optimizer.step();
        }
        Assert.True(fused.call(x).equal(answer).all().item<bool>());

        model.eval();
        using (var again = model.Fuse())
            Assert.InRange(Trained.Apart(model.call(x), again.call(x)), 0, Single);
        model.Dispose();
        Assert.True(fused.call(x).equal(answer).all().item<bool>());
    }

    [Fact]
    public void Weights_from_a_file_are_fused_as_any_others()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(Path.GetTempPath(), $"{Path.GetRandomFileName()}.safetensors");
        using var saved = Trained.ResNet18(stem: Stem.Conv3);
        saved.eval();
        using var loaded = new ResNet18(10, Stem.Conv3).ToMemoryFormat(memory_format.channels_last);
        try
        {
            Checkpoint.Save(saved, path);
            Checkpoint.Load(loaded, path);
        }
        finally
        {
            File.Delete(path);
        }
        using var fused = loaded.Fuse();
        var x = randn(2, 3, 32, 32);
        Assert.InRange(Trained.Apart(saved.call(x), fused.call(x)), 0, Single);
    }

    [Theory]
    [CpuData(ScalarType.Float32)]
    [CpuData(ScalarType.Float64)]
    public void It_computes_no_gradients_in_training_mode_as_in_eval_mode(string device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18(device: new Device(device), dtype: dtype);
        using var fused = model.Fuse();
        var x = randn([2, 3, 32, 32], dtype).requires_grad_();
        var answer = fused.call(x);
        Assert.False(answer.requires_grad);
        Assert.Empty(fused.parameters());
        fused.train();
        Assert.True(fused.call(x).equal(answer).all().item<bool>());
    }

    [Theory]
    [CpuData(ScalarType.Float32)]
    [CpuData(ScalarType.Float64)]
    [CudaData(ScalarType.Float32)]
    public void A_forward_pass_leaves_one_live_tensor_and_disposing_leaves_none(string device, ScalarType dtype)
    {
        using var model = Trained.ResNet18(10, Stem.Conv7MaxPool, new Device(device), dtype);
        using var x = randn([2, 3, 33, 33], dtype, new Device(device));
        var before = LiveTensors.Count();
        var fused = model.Fuse();

        var made = Tensor.TotalCount;
        Assert.InRange(made - before, 42, 44); // 20 convolutions with their biases, the classifier with its own, the script's own
        using (fused.call(x))
            Assert.Equal(made + 1, Tensor.TotalCount);
        Assert.Equal(made, Tensor.TotalCount);
        fused.Dispose();
        Assert.Equal(before, Tensor.TotalCount);

        Assert.Throws<ObjectDisposedException>(() => fused.call(x));
    }

    [Fact]
    public void Made_inside_a_dispose_scope_it_outlives_it()
    {
        using var model = Trained.ResNet18();
        nn.Module<Tensor, Tensor> fused;
        using (NewDisposeScope())
            fused = model.Fuse();
        using (fused)
        using (var x = rand(1, 3, 32, 32))
        using (var y = fused.call(x))
            Assert.Equal([1, 10], y.shape);
    }

    [Theory]
    [CpuData(ScalarType.Float32)]
    [CpuData(ScalarType.Float64)]
    public void It_stays_where_and_what_it_is_also_as_a_part_of_another_module(string device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18(10, device: new Device(device), dtype: dtype);
        using var fused = model.Fuse();
        using var whole = new Whole(fused);
        var x = randn([2, 3, 32, 32], dtype, new Device(device));
        var answer = fused.call(x);
        whole.to(ScalarType.BFloat16);
        whole.to(CPU, ScalarType.Float16);
        fused.to(ScalarType.BFloat16);
        Assert.Empty(whole.state_dict());
        Assert.True(whole.call(x).equal(answer).all().item<bool>());
    }

    private sealed class Whole : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> part;

        public Whole(nn.Module<Tensor, Tensor> part)
            : base(nameof(Whole))
        {
            this.part = part;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => part.call(x);
    }

    /// <summary>Where it is fast: what has no oneDNN computes the same without it, and no other test would tell.</summary>
    [Fact]
    public void On_x64_processors_float32_is_computed_by_oneDNN()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18();
        using var fused = model.Fuse();
        using var precise = model.to(ScalarType.Float64).Fuse();
        var has = RuntimeInformation.ProcessArchitecture == Architecture.X64 && !OperatingSystem.IsMacOS();
        Assert.Equal(has ? "OneDnnNetwork" : "FusedNetwork", fused.GetType().Name);
        Assert.Equal("FusedNetwork", precise.GetType().Name);
    }

    [Fact]
    public void Under_Autocast_it_takes_the_pictures_that_the_model_takes()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18();
        using var fused = model.Fuse();
        var x = randn(2, 3, 32, 32);
        using var autocast = new Autocast(DeviceType.CPU);
        Assert.InRange(Trained.Apart(fused.call(x), fused.call(x.to(ScalarType.BFloat16)).to(ScalarType.Float32)), 0, 0.05);
    }

    [Fact]
    public void What_it_cannot_take_is_refused()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.ResNet18();
        using var fused = model.Fuse();
        Says<ArgumentException>(() => fused.call(rand(1, 1, 32, 32)), "(N, 3, H, W)", "(1, 1, 32, 32)");
        Says<ArgumentException>(() => fused.call(rand([1, 3, 32, 32], ScalarType.Float64)), "Float32", "Float64");
        Assert.Throws<ArgumentNullException>(() => fused.call(null!));

        Assert.Throws<ArgumentNullException>(() => ((ResNet18)null!).Fuse());
        Says<ArgumentException>(() => new Subclass().Fuse(), "ResNet18", nameof(Subclass));
        var disposed = new ResNet18(10);
        disposed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => disposed.Fuse());

        static void Says<T>(Action action, params string[] parts) where T : Exception
        {
            var message = Assert.Throws<T>(action).Message;
            Assert.All(parts, part => Assert.Contains(part, message));
        }
    }

    private sealed class Subclass() : ResNet18(10);
}
