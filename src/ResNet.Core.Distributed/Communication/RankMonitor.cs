using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Communication;

/// <summary>
/// Exchanges control messages between the communication threads, on a separate communicator: it checks that all ranks start the same operation, tells where a
/// rank is when another one waits for it in vain, and announces that a rank leaves. MPI itself would block forever, or write beyond the tensors of ranks with
/// different operations.
/// </summary>
/// <param name="mpi">The MPI functions.</param>
/// <param name="communicator">A communicator for these messages only.</param>
/// <param name="rank">This rank.</param>
/// <param name="worldSize">The number of ranks.</param>
internal sealed unsafe class RankMonitor(MpiApi mpi, nint communicator, int rank, int worldSize)
{
    private const int Tag = 1;

    private static readonly TimeSpan patience = TimeSpan.FromSeconds(2);

    // MPI reads a message's memory until its request is complete.
    private readonly List<(nint Request, nint Message)> _sent = [];
    private readonly Message[] _answers = new Message[worldSize];
    private readonly Message?[] _left = new Message?[worldSize];
    private Exception? _reason; // the reason why this rank has left, if known
    private readonly long* _compared = (long*)NativeMemory.Alloc(2, sizeof(long)); // never freed, since MPI may write to it until the process ends

    /// <summary>The name of this rank in messages.</summary>
    public string Rank => $"rank {rank} of {worldSize}";

    /// <summary>The number of operations that this rank has started.</summary>
    public long Number { get; private set; }

    /// <summary>The name of the current or last operation.</summary>
    public string Name { get; private set; } = "Init";

    /// <summary>Whether every other rank has left and knows that this one has.</summary>
    public bool AllHaveLeft => _sent.Count == 0 && _left.Count(left => left is not null) == worldSize - 1;

    /// <summary>Starts comparing an operation with those of the other ranks. <see cref="ExpectSame"/> checks the result.</summary>
    public IWork Enter(string name)
    {
        Number++;
        Name = name;
        // The maxima of a hash and of its negation are negations of each other only if all hashes are equal.
        var own = Hash(name);
        (_compared[0], _compared[1]) = (own, -own);
        return new MpiWork(mpi, [mpi.IAllReduce(_compared, 2, mpi.Abi.Int64, mpi.Abi.Max, communicator)]);
    }

    /// <summary>Throws unless all ranks entered the same operation.</summary>
    /// <exception cref="DistributedException">A rank is in another operation.</exception>
    public void ExpectSame()
    {
        if (_compared[0] != -_compared[1])
            throw new DistributedException($"{Rank}: expected the same operation on every rank, got {Name} here, and {FindMissing()}");
    }

    /// <summary>Receives the messages of the other ranks and answers their questions.</summary>
    public void Answer()
    {
        Clear();
        while (mpi.IProbe(Tag, communicator))
        {
            Message message;
            mpi.Receive(&message, sizeof(Message), Tag, communicator);
            switch (message.Kind)
            {
                case Kind.Question: Send(message.Rank, Kind.Answer); break;
                case Kind.Answer: _answers[message.Rank] = message; break;
                case Kind.Leave: _left[message.Rank] = message; break;
                case Kind.Miss:
                    // Reported here, since only this rank knows the reason, and the other one is about to end it.
                    ExitGuard.WriteErrorLine($"{Rank}: left the group while rank {message.Rank} continues{(_reason is null ? "" : $"; the last exception before that: {_reason}")}");
                    Send(message.Rank, Kind.Answer);
                    break;
            }
        }
    }

    /// <summary>Throws if a rank has left that the current operation needs.</summary>
    /// <exception cref="DistributedException">A rank has left.</exception>
    public void ExpectAll()
    {
        foreach (var left in _left)
            if (left is { } last && last.Number < Number)
            {
                Ask(Kind.Miss, [last.Rank]);
                throw new DistributedException(
                    $"{Rank}: rank {last.Rank} has left the group after its operation {last.Number} ({last.Name}), and is missing in operation {Number} ({Name})");
            }
    }

    /// <summary>Announces that this rank leaves.</summary>
    /// <param name="reason">The exception that may be the reason; or null.</param>
    public void Leave(Exception? reason)
    {
        _reason = reason;
        foreach (var other in Others)
            Send(other, Kind.Leave);
    }

    /// <summary>Asks the other ranks for their current operation.</summary>
    /// <returns>A sentence about the ranks that are not in this operation.</returns>
    public string FindMissing()
    {
        Ask(Kind.Question, Others);
        var missing = Others
            .Select(other => (Rank: other, Answer: _answers[other]))
            .Where(other => other.Answer.Kind != Kind.Answer || other.Answer.Number != Number || other.Answer.Name != Message.Truncate(Name))
            .Select(other => other.Answer.Kind != Kind.Answer ? $"rank {other.Rank} does not answer" : $"rank {other.Rank} last started operation {other.Answer.Number} ({other.Answer.Name})")
            .ToList();
        return missing.Count > 0 ? List(missing) : "all ranks are in it, but the network is too slow";
    }

    /// <returns>A sentence about the ranks that have not left.</returns>
    public string FindStaying() => List([.. Others.Where(other => _left[other] is null).Select(other => $"rank {other} has not left the group")]);

    private IEnumerable<int> Others => Enumerable.Range(0, worldSize).Where(other => other != rank);

    private static string List(List<string> ranks)
    {
        const int few = 8;
        return string.Join("; ", ranks.Take(few)) + (ranks.Count > few ? $"; and {ranks.Count - few} more ranks" : "");
    }

    private void Ask(Kind question, IEnumerable<int> ranks)
    {
        Array.Clear(_answers);
        var asked = ranks.ToList();
        asked.ForEach(other => Send(other, question));
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < patience && asked.Exists(other => _answers[other].Kind != Kind.Answer);)
        {
            Answer();
            Pause.SleepBriefly();
        }
    }

    /// <summary>FNV-1a without the sign bit, so that it can be negated. Unlike a string's own hash code, it is the same in every process.</summary>
    private static long Hash(string name)
    {
        var hash = 14695981039346656037UL;
        foreach (var character in name)
            hash = (hash ^ character) * 1099511628211UL;
        return (long)(hash >> 1);
    }

    private void Send(int destination, Kind kind)
    {
        var message = (Message*)NativeMemory.Alloc((nuint)sizeof(Message));
        *message = new Message(kind, rank, Number, Name);
        _sent.Add((mpi.ISend(message, sizeof(Message), destination, Tag, communicator), (nint)message));
    }

    private void Clear()
    {
        for (var i = _sent.Count - 1; i >= 0; i--)
        {
            var (request, message) = _sent[i];
            if (mpi.Test(ref request))
            {
                NativeMemory.Free((void*)message);
                _sent.RemoveAt(i);
            }
            else
                _sent[i] = (request, message);
        }
    }

    private enum Kind
    {
        None,
        Question,
        Answer,
        Leave,
        Miss,
    }

    /// <summary>The memory layout of a message, the same on every rank.</summary>
    private struct Message
    {
        private const int NameBytes = 104;

        public Kind Kind;
        public int Rank;
        public long Number;
        private fixed byte _name[NameBytes];

        public Message(Kind kind, int rank, long number, string name)
        {
            (Kind, Rank, Number) = (kind, rank, number);
            fixed (byte* bytes = _name)
                Encoding.ASCII.GetBytes(Truncate(name), new Span<byte>(bytes, NameBytes));
        }

        /// <summary>Truncates a name to fit into a message, with a terminating null. Names are ASCII, so no character is cut.</summary>
        public static string Truncate(string name) => name[..Math.Min(name.Length, NameBytes - 1)];

        public readonly string Name
        {
            get
            {
                fixed (byte* bytes = _name)
                    return Encoding.ASCII.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(bytes));
            }
        }
    }
}
