namespace ResNet.Core.Deployment;

/// <summary>
/// Admits calls until it is closed, and frees their resources when it is closed and the last call has left. Nothing blocks, so a call may close the gate itself.
/// </summary>
/// <param name="free">Frees the resources. Runs once, in the last call or in <see cref="Close"/>.</param>
internal sealed class Gate(Action free)
{
    private const long Closed = 1L << 62;

    private long _inside; // the number of calls, and whether the gate is closed

    /// <returns>Whether the gate is open. If so, <see cref="Leave"/> must follow.</returns>
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
