using static TorchSharp.torch;

namespace ResNet.Core.Benchmarks;

/// <summary>The iterations to time. Each ends by reading a number on the CPU, so that a GPU has finished too.</summary>
internal static class Iterations
{
    /// <summary>A training step, without a dispose scope.</summary>
    /// <param name="network">The network, on the device of the images.</param>
    /// <param name="optimizer">The optimizer of its parameters.</param>
    /// <param name="images">The images, shape (N, 3, H, W), float32.</param>
    /// <param name="labels">The labels, shape (N).</param>
    /// <param name="bfloat16">Whether to run under <see cref="Autocast"/>.</param>
    public static Action Train(nn.Module<Tensor, Tensor> network, optim.Optimizer optimizer, Tensor images, Tensor labels, bool bfloat16 = false) => () =>
    {
        optimizer.zero_grad();
        Tensor loss;
        using (new Autocast(images.device_type, ScalarType.BFloat16, bfloat16))
            loss = nn.functional.cross_entropy(network.call(images), labels);
        loss.backward();
        optimizer.step();
        loss.item<float>();
    };

    /// <summary>A forward pass in inference mode.</summary>
    /// <inheritdoc cref="Train"/>
    public static Action Predict(nn.Module<Tensor, Tensor> network, Tensor images, bool bfloat16 = false)
    {
        network.eval();
        return AddScope(() =>
        {
            using var inference = inference_mode();
            using var precision = new Autocast(images.device_type, ScalarType.BFloat16, bfloat16);
            network.call(images)[0, 0].to(ScalarType.Float32).item<float>();
        });
    }

    /// <summary>Runs the iteration in a dispose scope.</summary>
    public static Action AddScope(Action iteration) => () =>
    {
        using var scope = NewDisposeScope();
        iteration();
    };
}
