using System.Diagnostics;
using ResNet.Core;
using ResNet.Core.Distributed;
using TorchSharp;
using static TorchSharp.torch;

var w = Stopwatch.StartNew();
using var group = ProcessGroup.Init(TimeSpan.FromSeconds(5));
Console.WriteLine($"rank {group.Rank} of {group.WorldSize}, local {group.LocalRank}/{group.LocalWorldSize}, threads {get_num_threads()}, {w.ElapsedMilliseconds} ms");
var mode = args.FirstOrDefault() ?? "ok";
if (mode == "throw" && group.Rank == 1) throw new InvalidOperationException("boom");
if (mode == "exit" && group.Rank == 1) Environment.Exit(0);
if (mode == "return" && group.Rank == 1) { GC.KeepAlive(group); return 0; }
if (mode == "hang" && group.Rank == 1) Thread.Sleep(Timeout.Infinite);
if (mode == "mismatch") { using var q = zeros(group.Rank == 1 ? 100000 : 10); group.AllReduce(q); Console.WriteLine("oops"); }
try { ((string)null!).ToString(); } catch (NullReferenceException) { Console.WriteLine("NRE ok"); }
using var t = ones(10) * (group.Rank + 1);
group.AllReduce(t);
Console.WriteLine($"{group.Rank}: sum {t[0].item<float>()}");
using var b = ones(5, ScalarType.BFloat16) * (group.Rank + 1);
group.AllReduce(b, ReduceOp.Max); group.Broadcast(b, group.WorldSize - 1); group.Barrier();
Console.WriteLine($"{group.Rank}: max {b[0].item<BFloat16>()}");
if (mode == "train")
{
    manual_seed(group.Rank);
    using var net = new ResNet18(10);
    using var ddp = new DistributedDataParallel(net, group);
    var opt = optim.SGD(ddp.parameters(), 0.01);
    var n = args.Length > 1 ? int.Parse(args[1]) : 64;
    for (var step = 0; step < 8; step++)
    {
        using var scope = NewDisposeScope();
        w.Restart();
        var x = randn(n, 3, 32, 32); var y = randint(0, 10, n);
        var loss = nn.functional.cross_entropy(ddp.call(x), y);
        var f = w.Elapsed.TotalMilliseconds;
        opt.zero_grad();
        loss.backward();
        var bw = w.Elapsed.TotalMilliseconds;
        ddp.synchronize();
        var s = w.Elapsed.TotalMilliseconds;
        opt.step();
        Console.WriteLine($"{group.Rank}: step {step} loss {loss.item<float>():0.0000} fw {f:0} bw {bw - f:0} sync {s - bw:0} opt {w.Elapsed.TotalMilliseconds - s:0} sum {net.fc.weight.sum().item<float>():R}");
    }
}
return 0;
