namespace ResNet.Core.Deployment;

/// <summary>
/// Programs for the sizes that come again and again. Only so many sizes are kept: the one that was not asked for the longest makes room.
/// </summary>
/// <remarks>A size that has its program is found without a lock. A program that is thrown away while it runs is disposed when it is done.</remarks>
/// <param name="make">Is called by the one call that finds its size worth it; the others do without meanwhile.</param>
internal sealed class SizedPrograms(Func<BatchSize, OneDnnProgram> make) : IDisposable
{
    /// <summary>How many sizes are kept.</summary>
    public const int MostSizes = 8;

    /// <summary>
    /// The call of a size that makes its program, which costs as much as a few calls do: where every image has another size, none is made.
    /// </summary>
    public const int CallsBefore = 8;

    private readonly object _lock = new();
    private Entry[] _entries = []; // replaced whole, never changed
    private long _calls;

    /// <returns>The program for that size, to be left after it has run; null where there is none.</returns>
    public Entry? Enter(BatchSize size)
    {
        var entry = Find(size) ?? Add(size);
        entry.LastCall = Interlocked.Increment(ref _calls);
        if (Interlocked.Increment(ref entry.Calls) == CallsBefore)
            entry.Make(make);
        return entry.TryEnter() ? entry : null;
    }

    /// <summary>No call follows.</summary>
    public void Dispose()
    {
        foreach (var entry in _entries)
            entry.Close();
    }

    private Entry? Find(BatchSize size) => Array.Find(Volatile.Read(ref _entries), entry => entry.Size == size);

    private Entry Add(BatchSize size)
    {
        lock (_lock)
        {
            if (Find(size) is { } known) return known;
            var entry = new Entry(size) { LastCall = long.MaxValue };
            var kept = _entries;
            if (kept.Length == MostSizes)
            {
                var oldest = kept.MinBy(other => other.LastCall)!;
                kept = [.. kept.Where(other => other != oldest)];
                oldest.Close();
            }
            Volatile.Write(ref _entries, [.. kept, entry]);
            return entry;
        }
    }

    internal sealed class Entry
    {
        private readonly Gate _gate;
        private OneDnnProgram? _program;

        public Entry(BatchSize size) => (Size, _gate) = (size, new Gate(() => _program?.Dispose()));

        public BatchSize Size { get; }

        public long LastCall;
        public long Calls;

        /// <summary>Between <see cref="TryEnter"/> and <see cref="Leave"/>.</summary>
        public OneDnnProgram Program => _program!;

        public void Make(Func<BatchSize, OneDnnProgram> make)
        {
            if (!_gate.TryEnter()) return;
            try
            {
                Volatile.Write(ref _program, make(Size));
            }
            finally
            {
                _gate.Leave();
            }
        }

        public bool TryEnter() => Volatile.Read(ref _program) is not null && _gate.TryEnter();

        public void Leave() => _gate.Leave();

        public void Close() => _gate.Close();
    }
}
