using System.Globalization;
using ResNet.Core;
using ResNet.Core.Distributed;
using ResNet.Core.Distributed.Benchmarks;
using static TorchSharp.torch;

// Measures a training step on several ranks, and how much of it is communication:
//   mpirun -np 2 dotnet run --no-build -c Release --project tests/ResNet.Core.Distributed.Benchmarks -- resnet18 64 32 8
// The arguments are the network, the images per rank, their size, the rounds, and the bucket size in megabytes. All ways take turns in every round, so a disturbance
// of the machine affects all of them. `traffic 25` measures instead how much a rank sends to reduce 25 MB. links.sh sets up the networks for both.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var network = args.ElementAtOrDefault(0) ?? "resnet18";
int ParseNumber(int index, int otherwise) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : otherwise;
var (images, size, rounds, bucket) = (ParseNumber(1, 64), ParseNumber(2, 32), ParseNumber(3, 8), ParseNumber(4, 25));

using var group = ProcessGroup.Init();
if (network == "traffic")
{
    TrafficBenchmark.Run(group, megabytes: ParseNumber(1, 25));
    return;
}

manual_seed(1);
using ResidualNetwork model = network == "resnet50" ? new ResNet50() : new ResNet18(stem: Stem.Conv7MaxPool);
var benchmark = new StepBenchmark(model, group, images, size, bucket);
Way[] ways = group.WorldSize == 1 ? [Way.Plain, Way.Signals] : [Way.Plain, Way.Signals, Way.Late, Way.Overlapped];
var results = ways.ToDictionary(way => way, _ => new List<Step>());
for (var round = 0; round < rounds; round++)
    foreach (var way in ways)
        results[way].AddRange(benchmark.Run(way, steps: 3));

var bytes = model.parameters().Sum(parameter => parameter.numel() * parameter.ElementSize);
var alone = benchmark.MeasureReduction(bytes, rounds);
if (group.Rank == 0)
{
    Console.WriteLine($"{network}, {group.WorldSize} ranks of {get_num_threads()} threads, {images} images of {size}x{size} a rank, {bytes / 1e6:0.0} MB of gradients in buckets of {bucket} MB; medians of {rounds * 3} steps in ms");
    Console.WriteLine("| way | step | forward | backward | synchronize | processor, this rank |");
    Console.WriteLine("|---|---|---|---|---|---|");
    foreach (var (way, steps) in results)
    {
        double FindMedian(Func<Step, double> value) => steps.Select(value).Order().ElementAt(steps.Count / 2);
        Console.WriteLine($"| {way} | {FindMedian(s => s.Total):0.0} | {FindMedian(s => s.Forward):0.0} | {FindMedian(s => s.Backward):0.0} | {FindMedian(s => s.Synchronize):0.0} | {FindMedian(s => s.Processor):0.0} |");
    }
    Console.WriteLine($"all gradients reduced alone: {alone:0.0} ms");
}
using var memory = tensor(Environment.WorkingSet / 1e6);
group.AllReduce(memory, ReduceOp.Max);
if (group.Rank == 0)
    Console.WriteLine($"most memory of a rank: {memory.item<double>():0} MB");
