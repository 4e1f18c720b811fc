using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

/// <summary>
/// Data-parallel training written down in one process. The copies of the weights are equal at all times, so that one network
/// plays all ranks: each begins a step with the buffers of rank 0, and the gradients add up.
/// </summary>
internal static class Emulation
{
    public static void Train(nn.Module<Tensor, Tensor> model, int ranks, ScalarType type)
    {
        using var optimizer = Training.Optimizer(model);
        var buffers = model.buffers().ToList();
        var count = Training.Batch / ranks;
        for (var step = 0; step < Training.Steps; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var before = Copies(buffers);
            Training.Backward(model, step, 0, count, type);
            var ofRank0 = Copies(buffers);
            for (var rank = 1; rank < ranks; rank++)
            {
                Restore(buffers, before);
                Training.Backward(model, step, rank * count, count, type);
            }
            Restore(buffers, ofRank0);

            using (no_grad())
                foreach (var parameter in model.parameters())
                    parameter.grad!.div_(ranks);
            optimizer.step();
        }
    }

    private static List<Tensor> Copies(List<Tensor> tensors) => [.. tensors.Select(tensor => tensor.clone())];

    private static void Restore(List<Tensor> tensors, List<Tensor> copies)
    {
        foreach (var (tensor, copy) in tensors.Zip(copies))
            tensor.copy_(copy);
    }
}
