namespace ResNet.Core.Deployment;

/// <summary>
/// Programs for the sizes that come again and again. Only so many are kept: the one that was not asked for the longest makes room.
/// </summary>
/// <remarks>
/// <para>A size that has its program is found without a lock. A program that is thrown away while it runs is disposed when it is done.</para>
/// <para>libtorch does not give back all of a script's memory, so that programs must not come and go for ever: whenever one has to make room, the calls that
/// a size needs for its program double.</para>
/// </remarks>
/// <param name="make">Is called by the one call that finds its size worth it; the others do without meanwhile.</param>
internal sealed class SizedPrograms(Func<BatchSize, IProgram> make) : IDisposable
{
    /// <summary>How many sizes have programs.</summary>
    public const int MostPrograms = 8;

    /// <summary>The call of a size that makes its program, which costs as much as a few calls do: where every image has another size, none is made.</summary>
    public const int CallsBefore = 8;

    private const int MostSizes = 64; // whose calls are counted

    private readonly object _lock = new();
    private Entry[] _entries = []; // replaced whole, never changed
    private long _calls, _callsBefore = CallsBefore;

    /// <returns>The program for that size, to be left after it has run; null where there is none.</returns>
    public Entry? Enter(BatchSize size)
    {
        var entry = Find(size) ?? Add(size);
        Volatile.Write(ref entry.LastCall, Interlocked.Increment(ref _calls));
        if (Interlocked.Increment(ref entry.Calls) >= Volatile.Read(ref _callsBefore) && entry.TryMake(make))
            MakeRoom();
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
            if (_entries.Length == MostSizes)
                Remove(_entries.Where(entry => !entry.HasProgram));
            var added = new Entry(size) { LastCall = long.MaxValue };
            Volatile.Write(ref _entries, [.. _entries, added]);
            return added;
        }
    }

    private void MakeRoom()
    {
        lock (_lock)
        {
            var programs = _entries.Where(entry => entry.HasProgram).ToList();
            if (programs.Count <= MostPrograms) return;
            Remove(programs);
            Volatile.Write(ref _callsBefore, 2 * _callsBefore);
        }
    }

    /// <summary>Removes the one that was not asked for the longest.</summary>
    private void Remove(IEnumerable<Entry> among)
    {
        var oldest = among.MinBy(entry => Volatile.Read(ref entry.LastCall))!;
        Volatile.Write(ref _entries, [.. _entries.Where(entry => entry != oldest)]);
        oldest.Close();
    }

    internal sealed class Entry
    {
        private readonly Gate _gate;
        private IProgram? _program;
        private int _isMade;

        public Entry(BatchSize size) => (Size, _gate) = (size, new Gate(() => _program?.Dispose()));

        public BatchSize Size { get; }

        public long LastCall;
        public long Calls;

        public bool HasProgram => Volatile.Read(ref _program) is not null;

        /// <summary>Between <see cref="TryEnter"/> and <see cref="Leave"/>.</summary>
        public IProgram Program => _program!;

        /// <returns>Whether this call made the program.</returns>
        public bool TryMake(Func<BatchSize, IProgram> make)
        {
            if (HasProgram || Interlocked.Exchange(ref _isMade, 1) == 1 || !_gate.TryEnter()) return false;
            try
            {
                Volatile.Write(ref _program, make(Size));
                return true;
            }
            finally
            {
                _gate.Leave();
            }
        }

        public bool TryEnter() => HasProgram && _gate.TryEnter();

        public void Leave() => _gate.Leave();

        public void Close() => _gate.Close();
    }
}
