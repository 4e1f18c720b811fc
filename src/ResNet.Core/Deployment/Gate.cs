namespace ResNet.Core.Deployment;

/// <summary>
/// Lets calls in until it is closed, and frees what they use once it is closed and the last of them has left. Nobody waits for anybody, so
/// that a call may close it too.
/// </summary>
/// <param name="free">Is called once, by the last call or by who closes.</param>
internal sealed class Gate(Action free)
{
    private readonly object _lock = new();
    private int _inside;
    private bool _closed;

    /// <returns>Whether it is open; then <see cref="Leave"/> has to follow.</returns>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_closed) return false;
            _inside++;
            return true;
        }
    }

    public void Leave()
    {
        lock (_lock)
        {
            _inside--;
            if (!_closed || _inside > 0) return;
        }
        free();
    }

    public void Close()
    {
        lock (_lock)
        {
            if (_closed) return;
            _closed = true;
            if (_inside > 0) return;
        }
        free();
    }
}
