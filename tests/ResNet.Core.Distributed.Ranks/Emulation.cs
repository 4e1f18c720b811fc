using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks;

/// <summary>
/// Emulates data-parallel training in one process. All ranks always have equal weights, so one network can take the part of each in turn:
/// every rank begins a step with the buffers of rank 0, and the gradients add up.
/// </summary>
internal static class Emulation
{
    public static void Train(nn.Module<Tensor, Tensor> model, int ranks, ScalarType type)
    {
        using var optimizer = Training.CreateOptimizer(model);
        var buffers = model.buffers().ToList();
        var count = Training.Batch / ranks;
        for (var step = 0; step < Training.Steps; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var before = Copy(buffers);
            Training.RunBackward(model, step, 0, count, type);
            var buffersOfRank0 = Copy(buffers);
            for (var rank = 1; rank < ranks; rank++)
            {
                Restore(buffers, before);
                Training.RunBackward(model, step, rank * count, count, type);
            }
            Restore(buffers, buffersOfRank0);

            using (no_grad())
                foreach (var parameter in model.parameters())
                    parameter.grad!.div_(ranks);
            optimizer.step();
        }
    }

    private static List<Tensor> Copy(List<Tensor> tensors) => [.. tensors.Select(tensor => tensor.clone())];

    private static void Restore(List<Tensor> tensors, List<Tensor> copies)
    {
        foreach (var (tensor, copy) in tensors.Zip(copies))
            tensor.copy_(copy);
    }
}
