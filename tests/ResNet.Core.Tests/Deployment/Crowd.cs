namespace ResNet.Core.Tests.Deployment;

/// <summary>Many threads that ask one network at once, as in a web service.</summary>
/// <param name="Wrong">How many answers were wrong.</param>
/// <param name="AfterFirst">The process's memory when every thread had made its first requests, in bytes.</param>
/// <param name="AtTheEnd">The same when all had ended.</param>
internal sealed record Crowd(int Wrong, long AfterFirst, long AtTheEnd)
{
    /// <param name="threads">How many threads.</param>
    /// <param name="requests">How many requests each of them makes.</param>
    /// <param name="first">After how many they wait for each other.</param>
    /// <param name="questions">How many different questions there are. They alternate, and each thread begins with another one.</param>
    /// <param name="isRight">Asks a question, by its number from 0, and tells whether the answer is right.</param>
    public static Crowd Run(int threads, int requests, int first, int questions, Func<int, bool> isRight)
    {
        long afterFirst = 0;
        var wrong = 0;
        using var everybody = new Barrier(threads, _ => afterFirst = Environment.WorkingSet);
        var crowd = Enumerable.Range(0, threads).Select(number => new Thread(() =>
        {
            for (var i = 0; i < requests; i++)
            {
                if (i == first)
                    everybody.SignalAndWait();
                if (!isRight((5 * number + i) % questions))
                    Interlocked.Increment(ref wrong);
            }
        })).ToArray();
        Array.ForEach(crowd, thread => thread.Start());
        Array.ForEach(crowd, thread => thread.Join());
        return new Crowd(wrong, afterFirst, Environment.WorkingSet);
    }
}
