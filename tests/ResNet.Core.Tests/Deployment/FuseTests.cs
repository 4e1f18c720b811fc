using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Tests.Deployment;

/// <summary>Compares a fused network with its model.</summary>
public class FuseTests
{
    /// <summary>The tolerance in float32. Measured: 4e-7.</summary>
    private const double Single = 1e-5;

    /// <summary>The tolerance in float64. Measured: 1e-15.</summary>
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
    public void Fuse_matches_the_model_in_eval_mode(string device, Stem stem, ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(10, stem, new Device(device), dtype);
        using var fused = model.Fuse();
        Assert.True(model.training);
        model.eval();

        foreach (var (n, height, width) in ((int, int, int)[])[(1, 1, 1), (1, 33, 65), (3, 64, 48), (7, 32, 32), (0, 32, 32)])
        {
            var x = randn([n, 3, height, width], dtype, new Device(device));
            foreach (var input in (Tensor[])[x, x.ToMemoryFormat(memory_format.channels_last)])
            {
                var before = input.clone();
                var output = fused.call(input);
                Assert.Equal((dtype, input.device_type), (output.dtype, output.device_type));
                Assert.Equal([n, 10], output.shape);
                if (n > 0)
                    Assert.InRange(Trained.MeasureDifference(model.call(input), output), 0, tolerance);
                Assert.True(input.equal(before).all().item<bool>()); // activations are computed in place, but not in the caller's tensor
            }
        }
    }

    [Fact]
    public void A_fused_network_keeps_its_weights_when_the_model_trains_or_is_disposed()
    {
        using var scope = NewDisposeScope();
        using var x = randn(2, 3, 32, 32);
        var model = Trained.CreateResNet18();
        using var fused = model.Fuse();
        var output = fused.call(x);

        using (var optimizer = optim.SGD(model.parameters(), 0.1))
        {
            F.cross_entropy(model.forward(x), tensor([1L, 2])).backward();
            optimizer.step();
        }
        Assert.True(fused.call(x).equal(output).all().item<bool>());

        model.eval();
        using (var again = model.Fuse())
            Assert.InRange(Trained.MeasureDifference(model.call(x), again.call(x)), 0, Single);
        model.Dispose();
        Assert.True(fused.call(x).equal(output).all().item<bool>());
    }

    [Fact]
    public void Weights_from_a_file_can_be_fused()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(Path.GetTempPath(), $"{Path.GetRandomFileName()}.safetensors");
        using var saved = Trained.CreateResNet18(stem: Stem.Conv3);
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
        Assert.InRange(Trained.MeasureDifference(saved.call(x), fused.call(x)), 0, Single);
    }

    [Theory]
    [CpuData(ScalarType.Float32)]
    [CpuData(ScalarType.Float64)]
    public void A_fused_network_computes_no_gradients_in_either_mode(string device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(device: new Device(device), dtype: dtype);
        using var fused = model.Fuse();
        var x = randn([2, 3, 32, 32], dtype).requires_grad_();
        var output = fused.call(x);
        Assert.False(output.requires_grad);
        Assert.Empty(fused.parameters());
        fused.train();
        Assert.True(fused.call(x).equal(output).all().item<bool>());
    }

    [Theory]
    [CpuData(ScalarType.Float32)]
    [CpuData(ScalarType.Float64)]
    [CudaData(ScalarType.Float32)]
    public void A_forward_pass_leaves_only_its_output_and_Dispose_leaves_nothing(string device, ScalarType dtype)
    {
        using var model = Trained.CreateResNet18(10, Stem.Conv7MaxPool, new Device(device), dtype);
        using var x = randn([2, 3, 33, 33], dtype, new Device(device));
        var before = LiveTensors.Count();
        var fused = model.Fuse();

        var afterFuse = Tensor.TotalCount;
        Assert.InRange(afterFuse - before, 42, 44); // the weights and biases of 20 convolutions and the classifier, and what the script itself needs
        using (fused.call(x))
            Assert.Equal(afterFuse + 1, Tensor.TotalCount);
        Assert.Equal(afterFuse, Tensor.TotalCount);
        fused.Dispose();
        Assert.Equal(before, Tensor.TotalCount);

        Assert.Throws<ObjectDisposedException>(() => fused.call(x));
    }

    [Fact]
    public void A_network_fused_inside_a_dispose_scope_outlives_it()
    {
        using var model = Trained.CreateResNet18();
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
    public void A_fused_network_keeps_its_device_and_type_even_inside_another_module(string device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18(10, device: new Device(device), dtype: dtype);
        using var fused = model.Fuse();
        using var wrapper = new Wrapper(fused);
        var x = randn([2, 3, 32, 32], dtype, new Device(device));
        var output = fused.call(x);
        wrapper.to(ScalarType.BFloat16);
        wrapper.to(CPU, ScalarType.Float16);
        fused.to(ScalarType.BFloat16);
        Assert.Empty(wrapper.state_dict());
        Assert.True(wrapper.call(x).equal(output).all().item<bool>());
    }

    private sealed class Wrapper : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> part;

        public Wrapper(nn.Module<Tensor, Tensor> part)
            : base(nameof(Wrapper))
        {
            this.part = part;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => part.call(x);
    }

    /// <summary>Without oneDNN the outputs are the same and only slower, so no other test would notice.</summary>
    [Fact]
    public void OneDNN_computes_float32_on_x64_processors()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18();
        using var fused = model.Fuse();
        using var precise = model.to(ScalarType.Float64).Fuse();
        var hasOneDnn = RuntimeInformation.ProcessArchitecture == Architecture.X64 && !OperatingSystem.IsMacOS();
        Assert.Equal(hasOneDnn ? "OneDnnNetwork" : "FusedNetwork", fused.GetType().Name);
        Assert.Equal("FusedNetwork", precise.GetType().Name);
    }

    [Fact]
    public void Under_Autocast_it_accepts_the_images_that_the_model_accepts()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18();
        using var fused = model.Fuse();
        var x = randn(2, 3, 32, 32);
        using var autocast = new Autocast(DeviceType.CPU);
        Assert.InRange(Trained.MeasureDifference(fused.call(x), fused.call(x.to(ScalarType.BFloat16)).to(ScalarType.Float32)), 0, 0.05);
    }

    [Fact]
    public void Bad_models_and_inputs_are_refused()
    {
        using var scope = NewDisposeScope();
        using var model = Trained.CreateResNet18();
        using var fused = model.Fuse();
        AssertThrows<ArgumentException>(() => fused.call(rand(1, 1, 32, 32)), "(N, 3, H, W)", "(1, 1, 32, 32)");
        AssertThrows<ArgumentException>(() => fused.call(rand([1, 3, 32, 32], ScalarType.Float64)), "Float32", "Float64");
        Assert.Throws<ArgumentNullException>(() => fused.call(null!));

        Assert.Throws<ArgumentNullException>(() => ((ResNet18)null!).Fuse());
        AssertThrows<ArgumentException>(() => new Subclass().Fuse(), "ResNet18", nameof(Subclass));
        var disposed = new ResNet18(10);
        disposed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => disposed.Fuse());

        static void AssertThrows<T>(Action action, params string[] parts) where T : Exception
        {
            var message = Assert.Throws<T>(action).Message;
            Assert.All(parts, part => Assert.Contains(part, message));
        }
    }

    private sealed class Subclass() : ResNet18(10);
}
