using System.Runtime.InteropServices;
using System.Text;
using ResNet.Core.Distributed;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// The processes that a launcher such as mpirun has started together; without one it is this one alone. The first of them speaks and writes.
/// They meet again and again, in <see cref="Exchange"/>, and each learns there whether another one has failed: it would wait for that one forever.
/// </summary>
internal sealed class Ranks : IDisposable
{
    private const long Failure = long.MaxValue; // above any exit code

    /// <summary>The first rank may fetch weights meanwhile, or one have more and larger images to decode than the others.</summary>
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(30);

    private readonly ProcessGroup? _group;

    /// <summary>Whether the others may wait for this one in something else than an exchange.</summary>
    private bool _isWithin;

    /// <param name="group">Null is one process.</param>
    public Ranks(ProcessGroup? group = null) => _group = group;

    /// <summary>Finds the others. All but the first one are silent from then on.</summary>
    public static Ranks Join()
    {
        var ranks = new Ranks(ProcessGroup.Init(patience));
        if (ranks.AreSeveral)
            Environment.SetEnvironmentVariable("TERM", "dumb"); // Open MPI gives ranks a terminal even where its own output is a file: no control codes, no bar
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

    /// <summary>How many processors this rank may use, where those of a machine share it.</summary>
    public int Processors => AreSeveral ? TorchSharp.torch.get_num_threads() : Environment.ProcessorCount;

    /// <summary>The GPU of each rank of a machine is another one.</summary>
    /// <param name="name">As the user gives it.</param>
    public string Device(string name)
    {
        if (_group is not { LocalWorldSize: > 1 } || name is not ("auto" or "cuda"))
            return name;
        Libtorch.Load();
        return cuda.is_available() && cuda.device_count() > 0 ? $"cuda:{_group.LocalRank}" : name;
    }

    /// <exception cref="UserException">There are several.</exception>
    public void ExpectOne(string what, string why)
    {
        if (AreSeveral)
            throw new UserException($"{what}: expected one process, got {Count} ranks: {why}");
    }

    /// <summary>A network whose gradients are the means over all ranks; null where this one is alone.</summary>
    public DistributedDataParallel? Wrap(nn.Module<Tensor, Tensor> model) => AreSeveral ? Within(() => new DistributedDataParallel(model, _group!)) : null;

    /// <summary>Where all ranks come by.</summary>
    /// <param name="code">What this one tells.</param>
    /// <returns>The highest one of all.</returns>
    /// <exception cref="OtherRankException">Another one has failed.</exception>
    public int Exchange(int code) => !AreSeveral ? code : Highest(code) is var highest && highest != Failure ? (int)highest : throw new OtherRankException(Problems(""));

    /// <summary>Does what the others do with it, and wait for.</summary>
    public T Within<T>(Func<T> work)
    {
        _isWithin = true;
        var result = work();
        _isWithin = false; // not where it has failed
        return result;
    }

    /// <summary>Gives every rank the numbers' sums over all.</summary>
    public double[] Sum(params double[] own) => !AreSeveral ? own : Within(() =>
    {
        using var sums = tensor(own, ScalarType.Float64);
        _group!.AllReduce(sums);
        return sums.data<double>().ToArray();
    });

    /// <summary>Puts together what each rank has a part of: the others' parts are zero in it.</summary>
    public void Sum(Tensor parts)
    {
        if (AreSeveral)
            Within(() => { _group!.AllReduce(parts); return true; });
    }

    /// <summary>Gives every rank the values that the first one has in the tensors.</summary>
    public void TakeFromFirst(IEnumerable<Tensor> tensors)
    {
        if (!AreSeveral) return;
        Within(() =>
        {
            using var _ = no_grad();
            foreach (var tensor in tensors)
                _group!.Broadcast(tensor);
            return true;
        });
    }

    /// <summary>What every rank has, by rank.</summary>
    public byte[][] Gather(byte[] own) => Within(() =>
    {
        var lengths = new double[Count];
        lengths[Rank] = own.Length;
        int[] ends = [.. Sum(lengths).Select(length => (int)length)];
        for (var rank = 1; rank < Count; rank++)
            ends[rank] = checked(ends[rank - 1] + ends[rank]);
        if (ends[^1] == 0)
            return [.. ends.Select(_ => Array.Empty<byte>())];

        // Whole numbers, in each byte of which one rank has something: their sum is all of it.
        using var all = zeros([(ends[^1] + sizeof(long) - 1) / sizeof(long)], ScalarType.Int64);
        var bytes = MemoryMarshal.AsBytes(all.bytes);
        own.CopyTo(bytes[Start(Rank)..]);
        Sum(all);
        var result = all.bytes.ToArray();
        return (byte[][])[.. ends.Select((end, rank) => result[Start(rank)..end])];

        int Start(int rank) => rank == 0 ? 0 : ends[rank - 1];
    });

    /// <summary>What is to be told of a failure, by this rank. The others learn of it, or are ended where they wait for this one.</summary>
    public IReadOnlyList<string> Tell(Exception problem, string message)
    {
        if (!AreSeveral)
            return [message];
        if (problem is OtherRankException other)
            return other.Lines;
        if (_isWithin)
        {
            using var error = new StreamWriter(Console.OpenStandardError());
            error.WriteLine(VisibleText.Escape($"rank {Rank} of {Count}: {message}"));
            error.Flush();
            _group!.Abort(ExitCode.Failed);
        }
        Highest(Failure);
        return Problems(message);
    }

    public void Dispose() => _group?.Dispose();

    private long Highest(long own) => Within(() =>
    {
        using var highest = tensor([own], ScalarType.Int64);
        _group!.AllReduce(highest, ReduceOp.Max);
        return highest.item<long>();
    });

    /// <summary>The first rank's as it is in one process; of the others what is not the same.</summary>
    /// <param name="own">Empty where this rank has none.</param>
    private string[] Problems(string own)
    {
        string[] all = [.. Gather(Encoding.UTF8.GetBytes(own)).Select(Encoding.UTF8.GetString)];
        return [.. all.Index().Where(problem => problem.Item.Length > 0).DistinctBy(problem => problem.Item).Select(problem => problem.Index == 0 ? problem.Item : $"rank {problem.Index} of {Count}: {problem.Item}")];
    }
}
