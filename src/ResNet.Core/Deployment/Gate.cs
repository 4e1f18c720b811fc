namespace ResNet.Core.Deployment;

/// <summary>
/// Lets calls in until it is closed, and frees what they use once it is closed and the last of them has left. Nobody waits for anybody, so
/// that a call may close it too.
/// </summary>
/// <param name="free">Is called once, by the last call or by who closes.</param>
internal sealed class Gate(Action free)
{
    private const long Closed = 1L << 62;

    private long _inside; // how many calls, and whether it is closed

    /// <returns>Whether it is open; then <see cref="Leave"/> has to follow.</returns>
    public bool TryEnter()
    {
        while (true)
        {
            var inside = Volatile.Read(ref _inside);
            if (inside >= Closed) return false;
            if (Interlocked.CompareExchange(ref _inside, inside + 1, inside) == inside) return true;
        }
    }

    public void Leave()
    {
        if (Interlocked.Decrement(ref _inside) == Closed)
            free();
    }

    public void Close()
    {
        if (Interlocked.Or(ref _inside, Closed) == 0)
            free();
    }
}
