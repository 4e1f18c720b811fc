using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Core.Tests;

/// <summary>
/// TorchSharp frees native memory when a tensor is disposed, or when the garbage collector, which cannot see that
/// memory, happens to find it. The tensors that these tests count as freed were freed without the collector.
/// </summary>
public class MemoryTests
{
    public MemoryTests()
    {
        // Otherwise the collector could free in the middle of a test what other tests left to it, such as a model whose constructor threw.
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [Theory, Trait(Category.Name, Category.Slow)]
    [CpuData]
    [CudaData]
    public void Training_steps_leak_no_tensors(string device)
    {
        using var outer = NewDisposeScope();
        using var model = new ResNet18(10, Stem.Conv3, new Device(device));
        using var optimizer = optim.SGD(model.parameters(), 0.01, momentum: 0.9, weight_decay: 5e-4);
        using var x = rand(2, 3, 8, 8, device: new Device(device));
        using var y = tensor([1L, 2], device: new Device(device));

        Train(5);
        var after5 = Tensor.TotalCount;
        Train(45);
        Assert.Equal(after5, Tensor.TotalCount);

        void Train(int count)
        {
            for (var i = 0; i < count; i++)
            {
                using var scope = NewDisposeScope();
                optimizer.zero_grad();
                F.cross_entropy(model.forward(x), y).backward();
                optimizer.step();
            }
        }
    }

    [Theory]
    [CpuData(Stem.Conv7)]
    [CpuData(Stem.Conv7MaxPool)]
    [CpuData(Stem.Conv3)]
    [CudaData(Stem.Conv7)]
    public void A_forward_pass_leaves_only_its_output(string device, Stem stem)
    {
        using var model = new ResNet18(10, stem, new Device(device));
        using var x = rand(2, 3, 33, 33, device: new Device(device));

        foreach (var training in (bool[])[true, false])
        {
            model.train(training);
            var before = Tensor.TotalCount;
            using (model.forward(x))
                Assert.Equal(before + 1, Tensor.TotalCount);
            using (inference_mode())
            using (model.forward(x))
                Assert.Equal(before + 1, Tensor.TotalCount);
            Assert.Equal(before, Tensor.TotalCount);
        }
    }

    [FamilyTheory]
    [MemberData(nameof(Family.Names), MemberType = typeof(Family))]
    public void Every_networks_training_step_leaves_no_tensor_and_its_forward_pass_only_the_output(string architecture)
    {
        using var outer = NewDisposeScope();
        using var model = Family.Create(architecture, 10, Stem.Conv3);
        using var optimizer = optim.SGD(model.parameters(), 0.01, momentum: 0.9);
        using var x = rand(2, 3, 8, 8);
        using var y = tensor([1L, 2]);

        Train(); // creates the gradients and the momentum
        var before = Tensor.TotalCount;
        Train();
        Assert.Equal(before, Tensor.TotalCount);

        using (model.forward(x))
            Assert.Equal(before + 1, Tensor.TotalCount);
        using (model.forward_features(x))
            Assert.Equal(before + 1, Tensor.TotalCount);
        Assert.Equal(before, Tensor.TotalCount);

        void Train()
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            F.cross_entropy(model.forward(x), y).backward();
            optimizer.step();
        }
    }

    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet50")]
    public void A_forward_pass_frees_its_intermediate_tensors_line_by_line(string architecture)
    {
        using var model = Family.Create(architecture, 10, Stem.Conv7MaxPool);
        using var x = rand(2, 3, 64, 64);

        // conv1 starts with nothing, bn1 with conv1's output, and each later part with the one tensor x.
        Assert.Equal([0, 1, 1, 1, 1, 1, 1, 1, 1], CountLiveTensorsBeforeEachPart(model, x));
    }

    [Fact]
    public void A_block_frees_its_intermediate_tensors_line_by_line()
    {
        using var block = new BasicBlock(3, 8, 2);
        using var x = rand(2, 3, 8, 8);

        // conv1, bn1, conv2, bn2 (conv2's input is still alive), and the shortcut beside the residual
        Assert.Equal([0, 1, 1, 2, 1], CountLiveTensorsBeforeEachPart(block, x));
    }

    [Fact]
    public void A_bottleneck_frees_its_intermediate_tensors_line_by_line()
    {
        using var block = new Bottleneck(3, 2, 2);
        using var x = rand(2, 3, 8, 8);

        // conv1, bn1, conv2, bn2 (conv2's input is still alive), conv3, bn3 likewise, and the shortcut beside the residual
        Assert.Equal([0, 1, 1, 2, 1, 2, 1], CountLiveTensorsBeforeEachPart(block, x));
    }

    private static List<long> CountLiveTensorsBeforeEachPart(nn.Module<Tensor, Tensor> module, Tensor x)
    {
        var before = Tensor.TotalCount;
        var live = new List<long>();
        foreach (var (_, part) in module.named_children())
            ((nn.Module<Tensor, Tensor>)part).register_forward_pre_hook(_ => live.Add(Tensor.TotalCount - before));

        using (no_grad())
        using (module.call(x))
            return live;
    }

    [Fact]
    public void A_failed_forward_pass_leaks_no_tensors()
    {
        using var model = new ResNet18(10);
        using var x = rand(2, 3, 32, 32);
        model.layer4.register_forward_pre_hook(_ => throw new InvalidOperationException("stop"));
        var before = Tensor.TotalCount;
        Assert.Throws<InvalidOperationException>(() => model.call(x));
        Assert.Equal(before, Tensor.TotalCount);
        Assert.Null(CurrentDisposeScope);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Disposed_models_return_their_memory()
    {
        CreateAndDispose(5);
        var few = Environment.WorkingSet;
        CreateAndDispose(40);
        var many = Environment.WorkingSet;

        // 40 models are 1.8 GB. The limit is a fifth of that, as much as eight leaked models.
        Assert.True(many - few < 360 << 20, $"{few >> 20} MiB after 5 models, {many >> 20} MiB after 45");

        static void CreateAndDispose(int count)
        {
            for (var i = 0; i < count; i++)
            {
                using var model = new ResNet18();
                using var x = rand(2, 3, 32, 32);
                using var _ = model.forward(x);
            }
        }
    }

    [Fact]
    public void Disposing_a_model_frees_every_weight_and_buffer()
    {
        var model = new ResNet18(10);
        var state = model.state_dict().Values.ToList();
        Assert.Equal(122, state.Count);
        model.Dispose();
        Assert.All(state, tensor => Assert.True(tensor.IsInvalid));
    }

    [Fact]
    public void A_model_created_inside_a_dispose_scope_outlives_it()
    {
        ResNet18 model;
        using (NewDisposeScope())
            model = new ResNet18(10, dtype: ScalarType.Float64);
        using (model)
        using (var x = rand([2, 3, 32, 32], ScalarType.Float64))
        using (var y = model.forward(x))
            Assert.Equal([2, 10], y.shape);
    }
}
