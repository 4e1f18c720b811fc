using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Communication;

/// <summary>
/// What the communication threads tell each other besides the tensors, on a communicator of its own: that all are about to do the same,
/// where a rank is when another one waits for it in vain, and that it leaves. MPI itself would let the others wait forever, or write
/// beyond the tensors of ranks that do different things.
/// </summary>
/// <param name="mpi">The library.</param>
/// <param name="communicator">For these messages alone.</param>
/// <param name="rank">This one.</param>
/// <param name="worldSize">How many there are.</param>
internal sealed unsafe class RollCall(MpiApi mpi, nint communicator, int rank, int worldSize)
{
    private const int Tag = 1;

    private static readonly TimeSpan patience = TimeSpan.FromSeconds(2);

    // MPI reads a message's memory until its request is completed.
    private readonly List<(nint Request, nint Message)> _sent = [];
    private readonly Message[] _answers = new Message[worldSize];
    private readonly Message?[] _left = new Message?[worldSize];
    private Exception? _reason; // why this rank has left, as far as it is known
    private readonly long* _compared = (long*)NativeMemory.Alloc(2, sizeof(long)); // as long as the process: MPI may write to it until then

    /// <summary>This rank, as messages name it.</summary>
    public string Rank => $"rank {rank} of {worldSize}";

    /// <summary>How many operations this rank has begun.</summary>
    public long Number { get; private set; }

    /// <summary>The operation at hand or the last one.</summary>
    public string Name { get; private set; } = "Init";

    /// <summary>Whether every other rank has left, and knows that this one has.</summary>
    public bool AllHaveLeft => _sent.Count == 0 && _left.Count(left => left is not null) == worldSize - 1;

    /// <summary>Begins an operation by comparing it with those of the other ranks; <see cref="ExpectSame"/> has the outcome.</summary>
    public IWork Enter(string name)
    {
        Number++;
        Name = name;
        // The largest of a number and of its opposite: they are opposites where all numbers are equal.
        var own = Hash(name);
        (_compared[0], _compared[1]) = (own, -own);
        return new MpiWork(mpi, [mpi.IAllReduce(_compared, 2, mpi.Abi.Int64, mpi.Abi.Max, communicator)]);
    }

    /// <summary>Checks what <see cref="Enter"/> has compared.</summary>
    /// <exception cref="DistributedException">A rank is about to do something else.</exception>
    public void ExpectSame()
    {
        if (_compared[0] != -_compared[1])
            throw new DistributedException($"{Rank}: expected the same operation on every rank, got {Name} here, and {FindMissing()}");
    }

    /// <summary>Reads what the others have sent, and answers their questions.</summary>
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
                    // Said here and not there, since only this rank knows why, and the other one is about to end it.
                    UnexpectedEnd.Say($"{Rank}: left the group while rank {message.Rank} goes on{(_reason is null ? "" : $"; the last exception before that: {_reason}")}");
                    Send(message.Rank, Kind.Answer);
                    break;
            }
        }
    }

    /// <summary>Checks that no rank has left that the operation at hand needs.</summary>
    /// <exception cref="DistributedException">One has.</exception>
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

    /// <summary>Tells all that this rank takes part in nothing any more.</summary>
    /// <param name="reason">An exception that may be why; or null.</param>
    public void Leave(Exception? reason)
    {
        _reason = reason;
        foreach (var other in Others)
            Send(other, Kind.Leave);
    }

    /// <summary>Asks the others where they are.</summary>
    /// <returns>A sentence on those that are not in the operation at hand.</returns>
    public string FindMissing()
    {
        Ask(Kind.Question, Others);
        var missing = Others
            .Select(other => (Rank: other, Answer: _answers[other]))
            .Where(other => other.Answer.Kind != Kind.Answer || other.Answer.Number != Number || other.Answer.Name != Message.Cut(Name))
            .Select(other => other.Answer.Kind != Kind.Answer ? $"rank {other.Rank} does not answer" : $"rank {other.Rank} has last begun operation {other.Answer.Number} ({other.Answer.Name})")
            .ToList();
        return missing.Count > 0 ? List(missing) : "all ranks are in it, and the network between them is slower than that";
    }

    /// <returns>A sentence on the ranks that have not left.</returns>
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
            Pause.Briefly();
        }
    }

    /// <summary>FNV-1a, without the sign bit, so that there is an opposite. The same in every process, as a string's own hash code is not.</summary>
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

    /// <summary>As it lies in memory, the same on every rank.</summary>
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
                Encoding.ASCII.GetBytes(Cut(name), new Span<byte>(bytes, NameBytes));
        }

        /// <summary>As much as a message holds. One byte stays 0; the names are ours and ASCII, so that none is cut within a character.</summary>
        public static string Cut(string name) => name[..Math.Min(name.Length, NameBytes - 1)];

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
