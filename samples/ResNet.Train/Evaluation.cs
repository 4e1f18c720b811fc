using ResNet.Core;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ResNet.Train;

/// <summary>What a network makes of pictures it did not learn from.</summary>
/// <param name="Loss">Mean cross-entropy.</param>
/// <param name="Confusion">How many pictures of a class (row) were taken for a class (column).</param>
internal sealed record Evaluation(double Loss, int[,] Confusion)
{
    private const int BatchSize = 250;

    public int Count => Confusion.Cast<int>().Sum();

    public int Correct => Enumerable.Range(0, Confusion.GetLength(0)).Sum(i => Confusion[i, i]);

    public double Accuracy => (double)Correct / Count;

    /// <exception cref="OperationCanceledException">The user wants to stop.</exception>
    public static Evaluation Of(ResNet18 model, Pictures pictures, IReadOnlyCollection<int> indices, Device device, CancellationToken cancellation)
    {
        model.eval();
        using var _ = no_grad();

        var loss = 0.0;
        var confusion = new int[FashionMnist.Classes.Count, FashionMnist.Classes.Count];
        foreach (var chunk in indices.Chunk(BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();

            var batch = Batch.Of(pictures, chunk, device);
            var logits = model.call(batch.Images);
            loss += F.cross_entropy(logits, batch.Labels).item<float>() * chunk.Length;
            var predictions = logits.argmax(1).cpu().data<long>();
            for (var i = 0; i < chunk.Length; i++)
                confusion[pictures.Labels[chunk[i]], predictions[i]]++;
        }
        return new Evaluation(loss / indices.Count, confusion);
    }
}
