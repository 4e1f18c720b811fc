using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;
using ResNet.Core.Family;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>The assignment of the tensors in a file to those of a module.</summary>
internal sealed class StateDictMatch
{
    private readonly List<(NamedTensor Target, StoredTensor Source)> _pairs = [];

    private StateDictMatch(LoadReport report) => Report = report;

    public LoadReport Report { get; }

    /// <summary>Whether nothing fits. Batch counters do not count, since all have the same shape.</summary>
    public bool IsEmpty => Report.Loaded.All(StateDict.IsBatchCounter) && (Report.Loaded.Count == 0 || Report.Missing.Count + Report.Mismatched.Count > 0);

    /// <summary>Whether the classifier alone is missing, unexpected or of another shape, as in the weights of a network for other classes.</summary>
    public bool DiffersOnlyInClassifier(IReadOnlyList<NamedNetwork> networks, StateDictCandidate candidate)
    {
        var starts = networks.Select(network => network.GetFullName(NetworkDescription.ClassifierPrefix)).ToList();
        var names = Report.Missing.Concat(Report.Mismatched.Select(mismatch => mismatch.Name)).Select(name => candidate.Prefix + name).Concat(Report.Unexpected);
        return !IsEmpty && Report.StemMismatch is null && names.All(name => starts.Exists(start => name.StartsWith(candidate.Prefix + start, StringComparison.Ordinal)));
    }

    /// <summary>Matches the tensors of a module with those of a file.</summary>
    /// <param name="state">The module's tensors.</param>
    /// <param name="networks">The module's networks.</param>
    /// <param name="candidate">The dictionary in the file and the prefix of its names.</param>
    public static StateDictMatch Create(IReadOnlyList<NamedTensor> state, IReadOnlyList<NamedNetwork> networks, StateDictCandidate candidate)
    {
        var used = candidate.Sources.Values.Where(source => source.Tensor.Unloadable is null).Select(source => source.Name).ToHashSet();
        var unexpected = candidate.Dictionary.Entries.Select(entry => entry.Name).Where(name => !used.Contains(name) && !StateDictKeys.IsAverageCounter(name, candidate.Prefix)).ToList();

        var kinds = candidate.Dictionary.Entries.Where(entry => entry.Tensor?.Unloadable is not null).ToDictionary(entry => entry.Name, entry => entry.Tensor!.Unloadable!);

        var old = !candidate.Sources.Keys.Any(StateDict.IsBatchCounter);
        var loaded = new List<string>();
        var missing = new List<string>();
        var mismatched = new List<ShapeMismatch>();
        var match = new StateDictMatch(new LoadReport(loaded, missing, unexpected, mismatched, candidate.Place, NetworkMetadata.DescribeStemMismatch(networks, candidate), kinds));
        foreach (var target in state)
        {
            if (!candidate.Sources.TryGetValue(target.Name, out var source) || source.Tensor.Unloadable is not null)
            {
                if (!old || !StateDict.IsBatchCounter(target.Name))
                    missing.Add(target.Name);
            }
            else if (source.Tensor.As(target.Tensor.shape) is var tensor && !target.Tensor.shape.AsSpan().SequenceEqual(tensor.Shape))
            {
                mismatched.Add(new ShapeMismatch(target.Name, target.Tensor.shape, tensor.Shape));
            }
            else
            {
                loaded.Add(target.Name);
                match._pairs.Add((target, tensor));
            }
        }
        return match;
    }

    /// <summary>
    /// Copies the tensors that fit. Everything is read and every target is checked before the first copy, so that a failure changes nothing.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is damaged, or has two values for one tensor.</exception>
    /// <exception cref="ArgumentException">A tensor of the module cannot be written to.</exception>
    public void Copy(SafeFileHandle file)
    {
        foreach (var (target, _) in _pairs)
            Writable.Check(target);

        using var scope = NewDisposeScope();
        using var _ = no_grad();

        // The largest first, so that no thread starts a large one at the end while the others wait.
        var storages = _pairs.Select(pair => pair.Source.Storage).Distinct().OrderByDescending(storage => storage.Count * storage.Type.Size)
            .Select(storage => (Storage: storage, Tensor: storage.CreateTensor())).ToList();
        try
        {
            Parallel.ForEach(Partitioner.Create(storages, loadBalance: true), pair => pair.Storage.ReadInto(pair.Tensor, file));
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }

        var staged = storages.ToDictionary(pair => pair.Storage, pair => pair.Tensor);
        var copies = _pairs.Select(pair => (pair.Target, Source: staged[pair.Source.Storage].as_strided(pair.Source.Shape, pair.Source.Strides, pair.Source.Offset))).ToList();
        foreach (var tied in copies.GroupBy(copy => copy.Target.Tensor, ReferenceEqualityComparer.Instance))
            foreach (var other in tied.Skip(1))
                if (!AreSame(other.Source, tied.First().Source))
                    throw new InvalidDataException($"has two values, '{tied.First().Target.Name}' and '{other.Target.Name}', for tensors that are tied in the module");
        foreach (var (target, source) in copies)
            target.Tensor.copy_(source);
    }

    /// <summary>NaN equals NaN here, so that weights of a diverged training load too.</summary>
    private static bool AreSame(Tensor one, Tensor other) => one.is_floating_point()
        ? one.allclose(other.to(one.dtype), rtol: 0, atol: 0, equal_nan: true)
        : one.equal(other).all().item<bool>();
}
