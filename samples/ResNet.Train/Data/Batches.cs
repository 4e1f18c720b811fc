namespace ResNet.Train;

/// <summary>Makes batches on other threads, ahead of who takes them.</summary>
internal static class Batches
{
    /// <summary>
    /// The batches that <paramref name="make"/> makes of each of the <paramref name="parts"/>, in their order. Besides the one
    /// that was taken last, no more of them exist, whole or in the making, than there are
    /// <paramref name="processors"/> to make them, null being all; a few are enough where one takes longer to learn from than to make.
    /// Who takes one disposes of it.
    /// </summary>
    public static IEnumerable<TBatch> Of<T, TBatch>(IEnumerable<T> parts, Func<T, TBatch> make, int? processors = null) where TBatch : IDisposable
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
            // Who stops early, or meets a batch that failed, leaves the others to be cleared away, of which some may have failed as well.
            foreach (var task in coming)
            {
                Task.WaitAny(task);
                if (task.IsCompletedSuccessfully)
                    task.Result.Dispose();
            }
        }
    }
}
