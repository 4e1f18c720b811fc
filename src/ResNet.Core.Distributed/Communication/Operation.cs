namespace ResNet.Core.Distributed.Communication;

/// <summary>An operation in the queue of the communication thread.</summary>
/// <param name="name">The name for messages, such as <c>AllReduce of 10 Float32</c>.</param>
/// <param name="begin">Starts the operation. Runs on the communication thread.</param>
/// <param name="isCollective">Whether all ranks must call it at the same time.</param>
internal sealed class Operation(string name, Func<IWork> begin, bool isCollective = true)
{
    private readonly TaskCompletionSource<Exception?> _ended = new();
    private volatile bool _isAwaited;

    public string Name => name;

    public bool IsCollective => isCollective;

    /// <summary>Whether a thread is blocked until the operation ends. Only then may polling keep a processor busy.</summary>
    public bool IsAwaited => _isAwaited;

    public IWork Begin() => begin();

    public void End(Exception? failure) => _ended.SetResult(failure);

    /// <summary>Waits until the operation ends.</summary>
    /// <exception cref="TimeoutException">A rank did not join in time.</exception>
    /// <exception cref="DistributedException">A rank has left, or MPI reported an error.</exception>
    public void Wait() => Wait(Timeout.InfiniteTimeSpan);

    /// <summary>Waits until the operation ends, at most for <paramref name="patience"/>.</summary>
    /// <returns>Whether the operation has ended.</returns>
    public bool Wait(TimeSpan patience)
    {
        _isAwaited = true;
        if (!_ended.Task.Wait(patience))
            return false;
        if (_ended.Task.Result is null)
            return true;
        // A new exception for each waiting thread, since rethrowing one loses its original stack trace.
        throw _ended.Task.Result switch
        {
            TimeoutException e => new TimeoutException(e.Message),
            DistributedException e => new DistributedException(e.Message),
            var e => new DistributedException(e.Message, e),
        };
    }
}
