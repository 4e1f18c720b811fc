namespace ResNet.Core.Distributed.Communication;

/// <summary>Something that all ranks do together: what the communication thread carries out, one after the other.</summary>
/// <param name="name">For messages, such as <c>AllReduce of 10 Float32</c>.</param>
/// <param name="begin">Begins it. Called on the communication thread.</param>
/// <param name="isCollective">Whether all ranks must be in it at the same time.</param>
internal sealed class Operation(string name, Func<IWork> begin, bool isCollective = true)
{
    private readonly TaskCompletionSource<Exception?> _ended = new();
    private volatile bool _isAwaited;

    public string Name => name;

    public bool IsCollective => isCollective;

    /// <summary>Whether a thread stands still until it has ended: worth a busy processor then, which the computation would need otherwise.</summary>
    public bool IsAwaited => _isAwaited;

    public IWork Begin() => begin();

    public void End(Exception? failure) => _ended.SetResult(failure);

    /// <summary>Waits for its end.</summary>
    /// <exception cref="TimeoutException">A rank did not come in time.</exception>
    /// <exception cref="DistributedException">A rank has left, or MPI reported an error.</exception>
    public void Wait() => Wait(Timeout.InfiniteTimeSpan);

    /// <summary>Waits for its end, but no longer than <paramref name="patience"/>.</summary>
    /// <returns>Whether it has ended.</returns>
    public bool Wait(TimeSpan patience)
    {
        _isAwaited = true;
        if (!_ended.Task.Wait(patience))
            return false;
        if (_ended.Task.Result is null)
            return true;
        // A new one for each that waits: an exception that is thrown twice loses where it was thrown first.
        throw _ended.Task.Result switch
        {
            TimeoutException e => new TimeoutException(e.Message),
            DistributedException e => new DistributedException(e.Message),
            var e => new DistributedException(e.Message, e),
        };
    }
}
