namespace ResNet.Core.Deployment;

/// <summary>
/// Programs for recurring batch sizes. A limited number is kept; the least recently used one is dropped.
/// </summary>
/// <remarks>
/// <para>Looking up a program takes no lock. A program that is dropped while it runs is disposed when it is done.</para>
/// <para>libtorch does not free all memory of a script, so programs must not be created without end: whenever one is dropped, the number of calls that a size
/// needs for a program doubles.</para>
/// </remarks>
/// <param name="make">Is called by the one call that finds its size worth it; the others do without meanwhile.</param>
internal sealed class SizedPrograms(Func<BatchSize, IProgram> make) : IDisposable
{
    /// <summary>The maximum number of programs.</summary>
    public const int MaxPrograms = 8;

    /// <summary>The number of calls of a size before its program is created. Creation costs as much as a few calls, so sizes that do not recur get none.</summary>
    public const int CallsBefore = 8;

    private const int MaxSizes = 64; // sizes whose calls are counted

    private readonly object _lock = new();
    private Entry[] _entries = []; // immutable; replaced as a whole
    private long _calls, _callsBefore = CallsBefore;

    /// <returns>The program for the size, which must be left after it has run; null if there is none.</returns>
    public Entry? Enter(BatchSize size)
    {
        var entry = Find(size) ?? Add(size);
        Volatile.Write(ref entry.LastCall, Interlocked.Increment(ref _calls));
        if (Interlocked.Increment(ref entry.Calls) >= Volatile.Read(ref _callsBefore) && entry.TryMake(make))
            MakeRoom();
        return entry.TryEnter() ? entry : null;
    }

    /// <summary>Disposes the programs. No call may follow.</summary>
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
            if (_entries.Length == MaxSizes)
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
            if (programs.Count <= MaxPrograms) return;
            Remove(programs);
            Volatile.Write(ref _callsBefore, 2 * _callsBefore);
        }
    }

    /// <summary>Removes the least recently used entry.</summary>
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

        /// <summary>The program, valid between <see cref="TryEnter"/> and <see cref="Leave"/>.</summary>
        public IProgram Program => _program!;

        /// <returns>Whether this call created the program.</returns>
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
