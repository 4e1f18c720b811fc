namespace ResNet.Train;

/// <summary>Makes batches on other threads, ahead of the consumer.</summary>
internal static class Batches
{
    /// <summary>
    /// Calls <paramref name="make"/> for each of the <paramref name="parts"/> and yields the batches in order. Besides the batch that was yielded
    /// last, it keeps at most 2 to 8 batches, finished or in progress, depending on <paramref name="processors"/>; null is all processors.
    /// The caller disposes the batches.
    /// </summary>
    public static IEnumerable<TBatch> Prefetch<T, TBatch>(IEnumerable<T> parts, Func<T, TBatch> make, int? processors = null) where TBatch : IDisposable
    {
        var ahead = Math.Clamp(processors ?? Environment.ProcessorCount, 2, 8);
        var coming = new Queue<Task<TBatch>>();
        try
        {
            foreach (var part in parts)
            {
                if (coming.Count == ahead)
                    yield return coming.Dequeue().GetAwaiter().GetResult();
                coming.Enqueue(Task.Run(() => make(part)));
            }
            while (coming.Count > 0)
                yield return coming.Dequeue().GetAwaiter().GetResult();
        }
        finally
        {
            // A consumer that stops early, or a failed batch, leaves others behind, some of which may have failed as well.
            foreach (var task in coming)
            {
                Task.WaitAny(task);
                if (task.IsCompletedSuccessfully)
                    task.Result.Dispose();
            }
        }
    }
}
