using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>Which tensor of a file goes to which of a module.</summary>
internal sealed class Match
{
    private readonly List<(NamedTensor Target, StoredTensor Source)> _pairs = [];

    private Match(LoadReport report) => Report = report;

    public LoadReport Report { get; }

    /// <summary>Whether nothing fits of all that was wanted: a counter of batches has the same shape everywhere.</summary>
    public bool IsEmpty => Report.Loaded.All(ModuleState.IsBatchCounter) && (Report.Loaded.Count == 0 || Report.Missing.Count + Report.Mismatched.Count > 0);

    /// <param name="state">The module's.</param>
    /// <param name="networks">The module's.</param>
    /// <param name="reading">Which dictionary of the file, and how its names are read.</param>
    public static Match Of(IReadOnlyList<NamedTensor> state, IReadOnlyList<NamedNetwork> networks, Reading reading)
    {
        var used = reading.Sources.Values.Where(source => source.Tensor.Unloadable is null).Select(source => source.Name).ToHashSet();
        var unexpected = reading.Dictionary.Entries.Select(entry => entry.Name).Where(name => !used.Contains(name) && !NamesInFile.CountsAverages(name, reading.Prefix)).ToList();

        var kinds = reading.Dictionary.Entries.Where(entry => entry.Tensor?.Unloadable is not null).ToDictionary(entry => entry.Name, entry => entry.Tensor!.Unloadable!);

        var old = !reading.Sources.Keys.Any(ModuleState.IsBatchCounter);
        var loaded = new List<string>();
        var missing = new List<string>();
        var mismatched = new List<ShapeMismatch>();
        var match = new Match(new LoadReport(loaded, missing, unexpected, mismatched, reading.Place, NetworkMetadata.StemMismatch(networks, reading), kinds));
        foreach (var target in state)
        {
            if (!reading.Sources.TryGetValue(target.Name, out var source) || source.Tensor.Unloadable is not null)
            {
                if (!old || !ModuleState.IsBatchCounter(target.Name))
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
    /// Copies what fits. All is read, and all that is written to is looked at, before anything is copied: what cannot be
    /// copied to its end changes nothing.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is damaged, or has two values for one tensor.</exception>
    /// <exception cref="ArgumentException">A tensor of the module cannot be written to.</exception>
    public void Copy(SafeFileHandle file)
    {
        foreach (var (target, _) in _pairs)
            Writable.Check(target);

        using var scope = NewDisposeScope();
        using var _ = no_grad();

        // The largest first: a thread that took one last would keep the others waiting.
        var storages = _pairs.Select(pair => pair.Source.Storage).Distinct().OrderByDescending(storage => storage.Count * storage.Type.Size)
            .Select(storage => (Storage: storage, Tensor: storage.Empty())).ToList();
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
                    throw new InvalidDataException($"has two values, '{tied.First().Target.Name}' and '{other.Target.Name}', for what is one tensor in the module");
        foreach (var (target, source) in copies)
            target.Tensor.copy_(source);
    }

    /// <summary>NaN is what NaN is: a training that has failed is to be loaded like any other.</summary>
    private static bool AreSame(Tensor one, Tensor other) => one.is_floating_point()
        ? one.allclose(other.to(one.dtype), rtol: 0, atol: 0, equal_nan: true)
        : one.equal(other).all().item<bool>();
}
