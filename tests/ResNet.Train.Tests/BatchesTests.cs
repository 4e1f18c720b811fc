using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class BatchesTests : IDisposable
{
    private static readonly int ahead = Math.Clamp(Environment.ProcessorCount, 2, 8);
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(30);

    private readonly ConcurrentBag<Batch> _made = [];
    private int _begun;

    public void Dispose()
    {
        foreach (var batch in _made)
            batch.Dispose();
    }

    [Fact]
    public void Batches_come_in_order_however_long_each_takes()
    {
        var numbers = new List<long>();
        foreach (var batch in Batches.Prefetch(Enumerable.Range(0, 24), i => MakeBatch(i, pause: i % 3 == 0 ? 30 : 0)))
            using (batch)
                numbers.Add(batch.Labels.item<long>());

        Assert.Equal(Enumerable.Range(0, 24).Select(i => (long)i), numbers);
        Assert.Equal(24, _begun);
        Assert.All(_made, AssertDisposed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Zero_or_one_parts_make_as_many_batches(int count) => Assert.Equal(count, Batches.Prefetch(Enumerable.Range(0, count), i => MakeBatch(i)).Count());

    [Fact]
    public void Several_batches_are_made_at_once()
    {
        using var others = new CountdownEvent(2);
        var met = Batches.Prefetch(Enumerable.Range(0, 2), i =>
        {
            others.Signal();
            return MakeBatch(others.Wait(patience) ? 1 : 0);
        }).Select(batch => batch.Labels.item<long>()).ToArray();
        Assert.Equal([1, 1], met);
    }

    [Fact]
    public void Batches_are_made_ahead_up_to_a_limit()
    {
        var taken = 0;
        foreach (var batch in Batches.Prefetch(Enumerable.Range(0, 3 * ahead), i => MakeBatch(i)))
            using (batch)
            {
                taken++;
                if (taken <= 2 * ahead)
                    Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _begun) > taken, patience));
                Thread.Sleep(20); // time for batches that should not start
                Assert.InRange(Volatile.Read(ref _begun) - taken, 0, ahead);
            }
        Assert.Equal(3 * ahead, taken);
    }

    [Fact]
    public void Parts_are_enumerated_lazily()
    {
        var read = 0;
        foreach (var batch in Batches.Prefetch(Enumerable.Range(0, 1000).Select(i => { read++; return i; }), i => MakeBatch(i)))
        {
            batch.Dispose();
            break;
        }
        Assert.InRange(read, 1, ahead + 1); // one part is read ahead without being begun
    }

    [Fact]
    public void A_failure_reaches_the_consumer_unwrapped_and_leaks_no_batch()
    {
        var numbers = new List<long>();
        var problem = Assert.Throws<UserException>(() =>
        {
            foreach (var batch in Batches.Prefetch(Enumerable.Range(0, 100), i => i == 5 ? FailAfter(made: 6) : MakeBatch(i)))
                using (batch)
                    numbers.Add(batch.Labels.item<long>());
        });

        Assert.Equal("broken", problem.Message);
        Assert.Equal([0, 1, 2, 3, 4], numbers);
        Assert.All(_made, AssertDisposed);
    }

    [Fact]
    public void The_first_of_several_failures_reaches_the_consumer_and_leaks_no_batch()
    {
        // If one part's image is gone, the next one's usually is too.
        var problem = Assert.Throws<UserException>(() =>
        {
            foreach (var batch in Batches.Prefetch(Enumerable.Range(0, 100), i => i is 3 or 4 ? throw new UserException($"broken {i}") : MakeBatch(i, pause: 5)))
                batch.Dispose();
        });

        Assert.Equal("broken 3", problem.Message);
        Assert.All(_made, AssertDisposed);
    }

    [Fact]
    public void A_consumer_that_stops_early_leaks_no_batch()
    {
        foreach (var batch in Batches.Prefetch(Enumerable.Range(0, 100), i => MakeBatch(i)))
            using (batch)
                if (batch.Labels.item<long>() == 3)
                {
                    Assert.True(SpinWait.SpinUntil(() => _made.Count > 4, patience));
                    break;
                }

        Assert.InRange(_made.Count, 5, 4 + ahead);
        Assert.All(_made, AssertDisposed);
    }

    [Fact]
    public void A_consumer_that_stops_early_leaks_no_batch_in_progress()
    {
        using var stopping = new ManualResetEventSlim();
        foreach (var batch in Batches.Prefetch(Enumerable.Range(0, 100), i => MakeBatch(i, pause: i > 0 && stopping.Wait(patience) ? 50 : 0)))
            using (batch)
            {
                stopping.Set();
                break;
            }

        Assert.Equal(ahead, _made.Count);
        Assert.All(_made, AssertDisposed);
    }

    [Fact]
    public void A_failure_ahead_does_not_reach_a_consumer_that_stops_before_it()
    {
        foreach (var batch in Batches.Prefetch(Enumerable.Range(0, 100), i => i == 1 ? throw new UserException("broken") : MakeBatch(i)))
        {
            batch.Dispose();
            break;
        }
        Assert.All(_made, AssertDisposed);
    }

    [Fact]
    public void Batches_stay_alive_until_the_consumer_disposes_them()
    {
        var batches = Batches.Prefetch(Enumerable.Range(0, 20), i => MakeBatch(i)).ToArray();
        Assert.Equal(Enumerable.Range(0, 20).Select(i => (long)i), batches.Select(batch => batch.Labels.item<long>()));
    }

    private Batch FailAfter(int made)
    {
        Assert.True(SpinWait.SpinUntil(() => _made.Count >= made, patience));
        throw new UserException("broken");
    }

    private Batch MakeBatch(int number, int pause = 0)
    {
        Interlocked.Increment(ref _begun);
        Thread.Sleep(pause);
        var batch = new Batch(zeros(1, 3, 2, 2), tensor(new[] { (long)number }));
        _made.Add(batch);
        return batch;
    }

    private static void AssertDisposed(Batch batch)
    {
        Assert.True(batch.Images.IsInvalid);
        Assert.True(batch.Labels.IsInvalid);
    }
}
