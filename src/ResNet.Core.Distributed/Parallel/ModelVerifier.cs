using System.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Parallel;

/// <summary>Verifies that all ranks have built the same model. MPI would silently add gradients of different weights.</summary>
internal static class ModelVerifier
{
    /// <exception cref="ArgumentException">A rank's model differs from rank 0's. All ranks throw the same exception.</exception>
    public static void Verify(IEnumerable<(string Name, Parameter Parameter)> parameters, IEnumerable<(string Name, Tensor Buffer)> buffers, double bucketCapacity, ProcessGroup group)
    {
        string[] own =
        [
            $"buckets of {bucketCapacity} MB",
            .. parameters.Select(entry => $"{entry.Name}: {Collectives.Describe(entry.Parameter)}{(entry.Parameter.requires_grad ? "" : ", frozen")}"),
            .. buffers.Select(entry => $"{entry.Name}: buffer, {Collectives.Describe(entry.Buffer)}"),
        ];
        var first = Share(string.Join('\n', own), group, src: 0).Split('\n');
        var line = Enumerable.Range(0, Math.Max(own.Length, first.Length)).FirstOrDefault(i => i >= own.Length || i >= first.Length || own[i] != first[i], -1);

        using var differing = tensor(line < 0 ? group.WorldSize : group.Rank, ScalarType.Int64);
        group.AllReduce(differing, ReduceOp.Min);
        var rank = (int)differing.item<long>();
        if (rank == group.WorldSize)
            return;
        var what = rank == group.Rank ? $"expected the model of rank 0 on every rank, got another one on rank {rank}: {GetLine(own)}, where rank 0 has {GetLine(first)}" : "";
        throw new ArgumentException(Share(what, group, rank));

        string GetLine(string[] lines) => line < lines.Length ? lines[line] : "nothing more";
    }

    /// <returns>The text of rank <paramref name="src"/>.</returns>
    private static string Share(string text, ProcessGroup group, int src)
    {
        using var scope = NewDisposeScope();
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = tensor((long)bytes.Length, ScalarType.Int64);
        group.Broadcast(length, src);
        var content = group.Rank == src ? tensor(bytes) : empty(length.item<long>(), ScalarType.Byte);
        group.Broadcast(content, src);
        return Encoding.UTF8.GetString(content.data<byte>().ToArray());
    }
}
