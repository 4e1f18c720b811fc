using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>Runs each operation on each type, and on tensors that MPI cannot take as they lie in memory. Reports the wrong results.</summary>
internal static class Collectives
{
    private static readonly ScalarType[] floatingPoint = [ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16];

    private static readonly ScalarType[] types = [.. floatingPoint, ScalarType.Int64, ScalarType.Int32, ScalarType.Int16, ScalarType.Int8, ScalarType.Byte];

    public static int Run()
    {
        using var group = ProcessGroup.Init();
        using var scope = NewDisposeScope();
        var wrong = new List<string>();
        foreach (var type in types)
            foreach (var op in Enum.GetValues<ReduceOp>())
                foreach (var size in new[] { 0, 1, 1001 })
                {
                    var tensor = MakeValues(group.Rank, size, type);
                    group.AllReduce(tensor, op);
                    Check($"{op}-{type}-{size}", tensor, Enumerable.Range(0, group.WorldSize).Select(rank => MakeValues(rank, size, type)).Aggregate((a, b) => Reduce(op, a, b)));
                }
        foreach (var type in types.Append(ScalarType.Bool))
            for (var src = 0; src < group.WorldSize; src++)
            {
                var tensor = MakeValues(group.Rank, 1001, type);
                group.Broadcast(tensor, src);
                Check($"broadcast-{type}-{src}", tensor, MakeValues(src, 1001, type));
            }

        var whole = MakeValues(group.Rank, 24, ScalarType.Float64).reshape(4, 6);
        var part = whole.t()[1];
        group.AllReduce(part, ReduceOp.Max);
        Check("part", part, MakeValues(group.WorldSize - 1, 24, ScalarType.Float64).reshape(4, 6).t()[1]);
        Check("rest", whole[2, 0], MakeValues(group.Rank, 24, ScalarType.Float64).reshape(4, 6)[2, 0]);

        // Small integers wrap around, both where MPI adds with vector instructions and in the remainder.
        foreach (var (type, number) in new[] { (ScalarType.Byte, 200), (ScalarType.Int8, 100), (ScalarType.Int16, 30_000) })
        {
            var tensor = full(67, number, type);
            group.AllReduce(tensor);
            Check($"wrapped-{type}", tensor, Enumerable.Range(0, group.WorldSize).Select(_ => full(67, number, type)).Aggregate((a, b) => a.add(b)));
        }

        foreach (var type in floatingPoint)
            foreach (var op in new[] { ReduceOp.Min, ReduceOp.Max })
            {
                var tensor = MakeEdgeValues(group.Rank, type);
                group.AllReduce(tensor, op);
                var expected = Enumerable.Range(0, group.WorldSize).Select(rank => MakeEdgeValues(rank, type)).Aggregate((a, b) => Reduce(op, a, b)).add_(0);
                // Bit by bit, since NaN does not equal itself, and 0 equals -0.
                if (Hash.Compute([tensor]) != Hash.Compute([expected.masked_fill_(expected.isnan(), double.NaN)]))
                    wrong.Add($"edges-{op}-{type}");
            }

        Report.Write(group, "wrong", wrong.Count == 0 ? "nothing" : string.Join(',', wrong));
        return 0;

        void Check(string name, Tensor actual, Tensor expected)
        {
            if (actual.dtype != expected.dtype || actual.ne(expected).any().item<bool>())
                wrong.Add(name);
        }
    }

    /// <summary>Makes small numbers, so that all results are exact. They grow with the rank.</summary>
    private static Tensor MakeValues(int rank, int size, ScalarType type) => arange(size, dtype: ScalarType.Int64).remainder(2).add(rank).to(type);

    /// <summary>Makes values for which MPI does not define the minimum and maximum, in a different order on each rank.</summary>
    private static Tensor MakeEdgeValues(int rank, ScalarType type)
    {
        double[] values = [double.NaN, 2, -0.0, 0.0, double.NegativeInfinity, double.PositiveInfinity, -3];
        return tensor([.. Enumerable.Range(0, 67).Select(i => values[(i + rank * (1 + i / values.Length)) % values.Length])], type);
    }

    private static Tensor Reduce(ReduceOp op, Tensor a, Tensor b) => op switch
    {
        ReduceOp.Sum => a.add(b),
        ReduceOp.Product => a.mul(b),
        ReduceOp.Min => a.minimum(b),
        ReduceOp.Max => a.maximum(b),
        _ => throw new ArgumentOutOfRangeException(nameof(op)),
    };
}
