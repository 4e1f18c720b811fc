using ResNet.Core.Deployment;
using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Deployment;

/// <summary>A fused network that is disposed while other threads are in a call: these finish, and later ones are told.</summary>
public class DisposedAmidstCallsTests
{
    private const int Threads = 16, Rounds = 12;

    /// <summary>In a process of its own, which ends where memory is freed under a call.</summary>
    [Fact, Trait(Category.Name, Category.Slow)]
    public void Calls_under_way_finish_and_later_ones_throw()
    {
        var output = ChildProcess.Run("dispose");
        // Otherwise no call was ever under way, and nothing was tested.
        Assert.InRange(int.Parse(output, System.Globalization.CultureInfo.InvariantCulture), Rounds, int.MaxValue);
    }

    /// <summary>What the other process does.</summary>
    /// <returns>How many calls were under way when the network was disposed.</returns>
    internal static int DisposeAmidstCalls()
    {
        set_num_threads(1); // for each call: there are enough callers
        using var model = new ResNet18(10);
        using var precise = new ResNet18(10, dtype: ScalarType.Float64);
        using var batch = ones([1, 3, 9, 9]);
        return Enumerable.Range(0, Rounds).Sum(round => (round % 3) switch
        {
            0 => DisposeAmidstCalls(model.Fuse(), ScalarType.Float32),
            1 => DisposeAmidstCalls(precise.Fuse(), ScalarType.Float64),
            _ => DisposeAmidstCalls(FuseExtensions.IsInt8Supported ? model.Fuse([batch]) : model.Fuse(), ScalarType.Float32),
        });
    }

    private static int DisposeAmidstCalls(nn.Module<Tensor, Tensor> fused, ScalarType dtype)
    {
        using var x = ones([1, 3, 9, 9], dtype);
        float[] expected;
        for (var i = 0; i < SizedPrograms.CallsBefore; i++)
            fused.call(x).Dispose(); // so that the size has its own weights
        using (var y = fused.call(x))
            expected = Values(y);

        var inside = 0;
        using var started = new CountdownEvent(Threads);
        var failures = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        var threads = Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            try
            {
                for (var i = 0; ; i++)
                {
                    Interlocked.Increment(ref inside);
                    using var y = fused.call(x);
                    Interlocked.Decrement(ref inside);
                    if (i == 0)
                        started.Signal();
                    if (!Values(y).AsSpan().SequenceEqual(expected))
                        throw new InvalidOperationException("A call that was under way gave another answer.");
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

        var amidst = Volatile.Read(ref inside);
        Parallel.Invoke(fused.Dispose, fused.Dispose);
        foreach (var thread in threads)
            thread.Join();
        return failures.IsEmpty ? amidst : throw new AggregateException(failures);
    }

    private static float[] Values(Tensor y)
    {
        using var single = y.to(ScalarType.Float32);
        return single.data<float>().ToArray();
    }

    [Fact]
    public void A_call_that_fails_does_not_keep_the_weights()
    {
        using var model = new ResNet18(10);
        using var x = rand(1, 1, 32, 32);
        var before = LiveTensors.Count();
        using (var fused = model.Fuse())
            Assert.Throws<ArgumentException>(() => fused.call(x));
        Assert.Equal(before, LiveTensors.Count());
    }
}
