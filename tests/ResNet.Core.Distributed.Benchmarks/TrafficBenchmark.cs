using System.Globalization;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Benchmarks;

/// <summary>
/// Measures how much a rank sends to reduce some megabytes, beside the theoretical 2 (N - 1) / N of them. All ranks must communicate over the
/// loopback device of their own network namespace, whose counter is read.
/// </summary>
internal static class TrafficBenchmark
{
    private const string Counter = "/sys/class/net/lo/statistics/tx_bytes";
    private const int Times = 5;

    public static void Run(ProcessGroup group, int megabytes)
    {
        using var numbers = zeros(megabytes * 1_000_000L / sizeof(float));
        var wrong = 0L;
        long before = ReadCounter(), after = 0;
        for (var time = 0; time < Times; time++)
        {
            using var scope = NewDisposeScope();
            numbers.copy_(arange(numbers.numel()).remainder(1000) + group.Rank);
            group.Barrier();
            if (time == 1)
                before = ReadCounter(); // the first reduction also connects the ranks
            group.AllReduce(numbers);
            group.Barrier();
            after = ReadCounter();
            var expected = arange(numbers.numel()).remainder(1000) * group.WorldSize + (group.WorldSize * (group.WorldSize - 1) / 2);
            wrong += numbers.ne(expected).sum().item<long>();
        }
        using var sums = tensor(new double[] { wrong, Environment.WorkingSet / 1e6 });
        group.AllReduce(sums, ReduceOp.Max);
        if (group.Rank > 0)
            return;
        var (sent, theory) = ((after - before) / 1e6 / (Times - 1) / group.WorldSize, 2.0 * (group.WorldSize - 1) / group.WorldSize * megabytes);
        Console.WriteLine($"| {group.WorldSize} | {sent:0.00} | {theory:0.00} | {sums[1].item<double>():0} | {(sums[0].item<double>() == 0 ? "every sum exact" : $"{sums[0].item<double>()} sums wrong")} |");
    }

    private static long ReadCounter() => long.Parse(File.ReadAllText(Counter), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
}
