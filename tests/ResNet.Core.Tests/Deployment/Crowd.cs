namespace ResNet.Core.Tests.Deployment;

/// <summary>Many threads that call one network at once, as in a web service.</summary>
/// <param name="Wrong">The number of wrong outputs.</param>
/// <param name="AfterFirst">The process's memory in bytes, after the first requests of every thread.</param>
/// <param name="AtTheEnd">The process's memory in bytes, after all requests.</param>
internal sealed record Crowd(int Wrong, long AfterFirst, long AtTheEnd)
{
    /// <param name="threads">The number of threads.</param>
    /// <param name="requests">The number of requests of each thread.</param>
    /// <param name="first">The number of requests after which the threads wait for each other.</param>
    /// <param name="inputs">The number of different inputs. They alternate, and each thread begins with another one.</param>
    /// <param name="isCorrect">Runs the network on the input with this index, and returns whether the output is correct.</param>
    public static Crowd Run(int threads, int requests, int first, int inputs, Func<int, bool> isCorrect)
    {
        long afterFirst = 0;
        var wrong = 0;
        using var barrier = new Barrier(threads, _ => afterFirst = Environment.WorkingSet);
        var crowd = Enumerable.Range(0, threads).Select(index => new Thread(() =>
        {
            for (var i = 0; i < requests; i++)
            {
                if (i == first)
                    barrier.SignalAndWait();
                if (!isCorrect((5 * index + i) % inputs))
                    Interlocked.Increment(ref wrong);
            }
        })).ToArray();
        Array.ForEach(crowd, thread => thread.Start());
        Array.ForEach(crowd, thread => thread.Join());
        return new Crowd(wrong, afterFirst, Environment.WorkingSet);
    }
}
