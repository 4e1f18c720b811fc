using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Communication;

/// <summary>
/// What the communication threads tell each other besides the tensors, on a communicator of its own: what a rank has begun, where it is
/// when another one waits for it in vain, and that it leaves. MPI itself would let the others wait for ever, or mix up the memory of
/// ranks that do different things.
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
    private readonly Dictionary<long, string> _neighbors = [];
    private readonly Message?[] _left = new Message?[worldSize];

    /// <summary>This rank, as messages name it.</summary>
    public string Rank => $"rank {rank} of {worldSize}";

    /// <summary>How many operations this rank has begun.</summary>
    public long Number { get; private set; }

    /// <summary>The operation at hand or the last one.</summary>
    public string Name { get; private set; } = "Init";

    /// <summary>Whether the rank before this one has begun the operation at hand as well. Round the ring, all have begun the same then.</summary>
    public bool NeighborIsHere => _neighbors.ContainsKey(Number);

    /// <summary>Whether every other rank has left, and knows that this one has.</summary>
    public bool AllHaveLeft => _sent.Count == 0 && _left.Count(left => left is not null) == worldSize - 1;

    /// <summary>Begins an operation, and tells the next rank.</summary>
    public void Enter(string name)
    {
        _neighbors.Remove(Number);
        Number++;
        Name = name;
        Send((rank + 1) % worldSize, Kind.Enter);
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
                case Kind.Enter: _neighbors[message.Number] = message.Name; break;
                case Kind.Question: Send(message.Rank, Kind.Answer); break;
                case Kind.Answer: _answers[message.Rank] = message; break;
                case Kind.Leave: _left[message.Rank] = message; break;
            }
        }
    }

    /// <summary>Checks that the others do what this rank does.</summary>
    /// <exception cref="DistributedException">A rank does something else, or has left before the operation at hand.</exception>
    public void ExpectSame()
    {
        if (_neighbors.TryGetValue(Number, out var name) && name != Name)
            throw new DistributedException(
                $"{Rank}: expected the same operation on every rank, got {Name} here and {name} on rank {(rank + worldSize - 1) % worldSize} (operation {Number})");
        foreach (var left in _left)
            if (left is { } last && last.Number < Number)
                throw new DistributedException(
                    $"{Rank}: rank {last.Rank} has left the group after its operation {last.Number} ({last.Name}), and is missing in operation {Number} ({Name})");
    }

    /// <summary>Checks it once more, after what the neighbor has sent has had time to come.</summary>
    /// <exception cref="DistributedException">A rank does something else, or has left before the operation at hand.</exception>
    public void ExpectSameInTheEnd()
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < patience && !NeighborIsHere;)
        {
            Answer();
            Pause.Briefly();
        }
        ExpectSame();
    }

    /// <summary>Tells all that this rank takes part in nothing any more.</summary>
    public void Leave() => SendToAll(Kind.Leave);

    /// <summary>Asks the others where they are.</summary>
    /// <returns>A sentence on those that are not in the operation at hand.</returns>
    public string FindMissing()
    {
        Array.Clear(_answers);
        SendToAll(Kind.Question);
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < patience && _answers.Count(answer => answer.Kind == Kind.Answer) < worldSize - 1;)
        {
            Answer();
            Pause.Briefly();
        }
        var missing = Enumerable.Range(0, worldSize).Where(other => other != rank)
            .Select(other => (Rank: other, Answer: _answers[other]))
            .Where(other => other.Answer.Kind != Kind.Answer || other.Answer.Number != Number || other.Answer.Name != Name)
            .Select(other => other.Answer.Kind != Kind.Answer ? $"rank {other.Rank} does not answer" : $"rank {other.Rank} is at its operation {other.Answer.Number} ({other.Answer.Name})")
            .ToList();
        const int few = 8;
        if (missing.Count > few)
            return $"{string.Join("; ", missing.Take(few))}; and {missing.Count - few} more ranks";
        return missing.Count > 0 ? string.Join("; ", missing) : "all ranks are in it, and the network between them is slower than that";
    }

    private void SendToAll(Kind kind)
    {
        for (var other = 0; other < worldSize; other++)
            if (other != rank)
                Send(other, kind);
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
        Enter,
        Question,
        Answer,
        Leave,
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
            // One byte stays 0. The names are ours and ASCII, so that none is cut within a character.
            fixed (byte* bytes = _name)
                Encoding.ASCII.GetBytes(name.AsSpan(0, Math.Min(name.Length, NameBytes - 1)), new Span<byte>(bytes, NameBytes));
        }

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
