using ResNet.Core.Deployment;
using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>Disposing a fused network while other threads call it: running calls finish, and later ones throw.</summary>
public class DisposeDuringCallsTests
{
    private const int Threads = 16, Rounds = 12;

    /// <summary>Runs in a child process, which would crash if the memory of a running call were freed.</summary>
    [Fact, Trait(Category.Name, Category.Slow)]
    public void Running_calls_finish_and_later_calls_throw()
    {
        var output = ChildProcess.Run("dispose");
        // Otherwise no call was running at a dispose, and nothing was tested.
        Assert.InRange(int.Parse(output, System.Globalization.CultureInfo.InvariantCulture), Rounds, int.MaxValue);
    }

    /// <summary>Runs in the child process.</summary>
    /// <returns>The number of calls that were running when their network was disposed.</returns>
    internal static int DisposeDuringCalls()
    {
        set_num_threads(1); // one for each call: there are enough callers
        using var model = new ResNet18(10);
        using var precise = new ResNet18(10, dtype: ScalarType.Float64);
        using var batch = ones([1, 3, 9, 9]);
        return Enumerable.Range(0, Rounds).Sum(round => (round % 3) switch
        {
            0 => DisposeDuringCalls(model.Fuse(), ScalarType.Float32),
            1 => DisposeDuringCalls(precise.Fuse(), ScalarType.Float64),
            _ => DisposeDuringCalls(FuseExtensions.IsInt8Supported ? model.Fuse([batch]) : model.Fuse(), ScalarType.Float32),
        });
    }

    private static int DisposeDuringCalls(nn.Module<Tensor, Tensor> fused, ScalarType dtype)
    {
        using var x = ones([1, 3, 9, 9], dtype);
        float[] expected;
        for (var i = 0; i < SizedPrograms.CallsBefore; i++)
            fused.call(x).Dispose(); // so that the size gets its own weights
        using (var y = fused.call(x))
            expected = ReadValues(y);

        var calls = 0;
        using var started = new CountdownEvent(Threads);
        var failures = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        var threads = Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            try
            {
                for (var i = 0; ; i++)
                {
                    Interlocked.Increment(ref calls);
                    using var y = fused.call(x);
                    Interlocked.Decrement(ref calls);
                    if (i == 0)
                        started.Signal();
                    if (!ReadValues(y).AsSpan().SequenceEqual(expected))
                        throw new InvalidOperationException("A running call gave another output.");
                }
            }
            catch (ObjectDisposedException disposed) when (disposed.Message.Contains("FusedResNet18", StringComparison.Ordinal))
            {
            }
            catch (Exception failure)
            {
                failures.Enqueue(failure);
            }
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        started.Wait();

        var running = Volatile.Read(ref calls);
        Parallel.Invoke(fused.Dispose, fused.Dispose);
        foreach (var thread in threads)
            thread.Join();
        return failures.IsEmpty ? running : throw new AggregateException(failures);
    }

    private static float[] ReadValues(Tensor y)
    {
        using var single = y.to(ScalarType.Float32);
        return single.data<float>().ToArray();
    }

    [Fact]
    public void A_failed_call_does_not_keep_the_weights_alive()
    {
        using var model = new ResNet18(10);
        using var x = rand(1, 1, 32, 32);
        var before = LiveTensors.Count();
        using (var fused = model.Fuse())
            Assert.Throws<ArgumentException>(() => fused.call(x));
        Assert.Equal(before, LiveTensors.Count());
    }
}
