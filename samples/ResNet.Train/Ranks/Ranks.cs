using System.Runtime.InteropServices;
using System.Text;
using ResNet.Core.Distributed;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// The processes that a launcher such as mpirun started together, or this process alone. Only the first rank prints and writes files.
/// The ranks meet regularly in <see cref="Exchange"/>, where each learns whether another one failed and does not wait for it forever.
/// </summary>
internal sealed class Ranks : IDisposable
{
    private const long Failure = long.MaxValue; // above any exit code

    /// <summary>Long enough for the first rank to download weights, and for a rank with more and larger images than the others.</summary>
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(30);

    private readonly ProcessGroup? _group;

    /// <summary>Whether the others may be waiting for this rank outside an exchange.</summary>
    private bool _isInCollective;

    /// <param name="group">The process group; null is a single process.</param>
    public Ranks(ProcessGroup? group = null) => _group = group;

    /// <summary>Connects to the other ranks. All but the first one print nothing from then on.</summary>
    public static Ranks Join()
    {
        var ranks = new Ranks(ProcessGroup.Init(patience));
        if (ranks.AreSeveral)
            Environment.SetEnvironmentVariable("TERM", "dumb"); // Open MPI gives ranks a terminal even if its own output is a file: print no control codes and no bar
        if (!ranks.IsFirst)
        {
            Console.SetOut(TextWriter.Null);
            Console.SetError(TextWriter.Null);
        }
        return ranks;
    }

    public int Rank => _group?.Rank ?? 0;

    public int Count => _group?.WorldSize ?? 1;

    public bool AreSeveral => Count > 1;

    public bool IsFirst => Rank == 0;

    public Share Share => new(Rank, Count);

    /// <summary>The number of processors for this rank: ranks on one machine share them.</summary>
    public int Processors => AreSeveral ? TorchSharp.torch.get_num_threads() : Environment.ProcessorCount;

    /// <summary>Gives each rank on a machine a GPU of its own.</summary>
    /// <param name="name">The device that the user named.</param>
    public string ChooseDevice(string name)
    {
        if (_group is not { LocalWorldSize: > 1 } || name is not ("auto" or "cuda"))
            return name;
        Libtorch.Load();
        return cuda.is_available() && cuda.device_count() > 0 ? $"cuda:{_group.LocalRank}" : name;
    }

    /// <exception cref="UserException">There are several ranks.</exception>
    public void ExpectOne(string what, string why)
    {
        if (AreSeveral)
            throw new UserException($"{what}: expected one process, got {Count} ranks: {why}");
    }

    /// <returns>The network with gradients averaged over all ranks; null for a single process.</returns>
    public DistributedDataParallel? Wrap(nn.Module<Tensor, Tensor> model) => AreSeveral ? RunCollective(() => new DistributedDataParallel(model, _group!)) : null;

    /// <summary>Exchanges a code with all ranks. Every rank must call it.</summary>
    /// <param name="code">This rank's code.</param>
    /// <returns>The highest code of all ranks.</returns>
    /// <exception cref="OtherRankException">Another rank has failed.</exception>
    public int Exchange(int code) => !AreSeveral ? code : FindHighest(code) is var highest && highest != Failure ? (int)highest : throw new OtherRankException(GatherProblems(""));

    /// <summary>Runs a collective operation, in which the others wait for this rank.</summary>
    public T RunCollective<T>(Func<T> work)
    {
        _isInCollective = true;
        var result = work();
        _isInCollective = false; // stays set after a failure
        return result;
    }

    /// <summary>Sums numbers over all ranks.</summary>
    public double[] Sum(params double[] own) => !AreSeveral ? own : RunCollective(() =>
    {
        using var sums = tensor(own, ScalarType.Float64);
        _group!.AllReduce(sums);
        return sums.data<double>().ToArray();
    });

    /// <summary>Joins the parts of all ranks in place. On each rank, the parts of the others are zero.</summary>
    public void Sum(Tensor parts)
    {
        if (AreSeveral)
            RunCollective(() => { _group!.AllReduce(parts); return true; });
    }

    /// <summary>Copies the first rank's values into the tensors of every rank.</summary>
    public void TakeFromFirst(IEnumerable<Tensor> tensors)
    {
        if (!AreSeveral) return;
        RunCollective(() =>
        {
            using var _ = no_grad();
            foreach (var tensor in tensors)
                _group!.Broadcast(tensor);
            return true;
        });
    }

    /// <returns>The bytes of all ranks, by rank.</returns>
    public byte[][] Gather(byte[] own) => RunCollective(() =>
    {
        var lengths = new double[Count];
        lengths[Rank] = own.Length;
        int[] ends = [.. Sum(lengths).Select(length => (int)length)];
        for (var rank = 1; rank < Count; rank++)
            ends[rank] = checked(ends[rank - 1] + ends[rank]);
        if (ends[^1] == 0)
            return [.. ends.Select(_ => Array.Empty<byte>())];

        // Each byte is nonzero on at most one rank, so the sum of the integers joins all bytes.
        using var all = zeros([(ends[^1] + sizeof(long) - 1) / sizeof(long)], ScalarType.Int64);
        var bytes = MemoryMarshal.AsBytes(all.bytes);
        own.CopyTo(bytes[FindStart(Rank)..]);
        Sum(all);
        var result = all.bytes.ToArray();
        return (byte[][])[.. ends.Select((end, rank) => result[FindStart(rank)..end])];

        int FindStart(int rank) => rank == 0 ? 0 : ends[rank - 1];
    });

    /// <summary>Tells the other ranks of a failure, or aborts them if they wait for this rank in a collective operation.</summary>
    /// <returns>The lines for this rank to print.</returns>
    public IReadOnlyList<string> Report(Exception problem, string message)
    {
        if (!AreSeveral)
            return [message];
        if (problem is OtherRankException other)
            return other.Lines;
        if (_isInCollective)
        {
            using var error = new StreamWriter(Console.OpenStandardError());
            error.WriteLine(VisibleText.Escape($"rank {Rank} of {Count}: {message}"));
            error.Flush();
            _group!.Abort(ExitCode.Failed);
        }
        FindHighest(Failure);
        return GatherProblems(message);
    }

    public void Dispose() => _group?.Dispose();

    private long FindHighest(long own) => RunCollective(() =>
    {
        using var highest = tensor([own], ScalarType.Int64);
        _group!.AllReduce(highest, ReduceOp.Max);
        return highest.item<long>();
    });

    /// <returns>The problems of all ranks without duplicates, the first rank's without a prefix.</returns>
    /// <param name="own">This rank's problem, or empty.</param>
    private string[] GatherProblems(string own)
    {
        string[] all = [.. Gather(Encoding.UTF8.GetBytes(own)).Select(Encoding.UTF8.GetString)];
        return [.. all.Index().Where(problem => problem.Item.Length > 0).DistinctBy(problem => problem.Item).Select(problem => problem.Index == 0 ? problem.Item : $"rank {problem.Index} of {Count}: {problem.Item}")];
    }
}
