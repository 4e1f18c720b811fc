using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace ResNet.Core.Weights;

/// <summary>Which tensor of a file goes to which of a module.</summary>
internal sealed class Match
{
    private readonly List<(Tensor Target, StoredTensor Source)> _pairs = [];

    private Match(LoadReport report) => Report = report;

    public LoadReport Report { get; }

    /// <param name="state">The module's.</param>
    /// <param name="stored">The file's: null for what is no tensor.</param>
    public static Match Of(IReadOnlyList<NamedTensor> state, IReadOnlyDictionary<string, StoredTensor?> stored)
    {
        var names = state.Select(entry => entry.Name).ToHashSet();
        var sources = new Dictionary<string, StoredTensor>();
        var unexpected = new List<string>();
        var kinds = new Dictionary<string, string>();
        var prefix = NamesInFile.Prefix(stored.Keys, names);
        foreach (var (name, tensor) in stored)
        {
            var target = NamesInFile.Target(name[prefix.Length..], names);
            // One name can be written in two ways: then the way that is the module's own has come, or will.
            var first = target == name[prefix.Length..] || !stored.ContainsKey(prefix + target);
            if (tensor?.Unloadable is { } kind)
                kinds[name] = kind;
            if (tensor is null or { Unloadable: not null } || !names.Contains(target) || !first || !sources.TryAdd(target, tensor))
                unexpected.Add(name);
        }

        var old = !stored.Keys.Any(ModuleState.IsBatchCounter);
        var loaded = new List<string>();
        var missing = new List<string>();
        var mismatched = new List<ShapeMismatch>();
        var match = new Match(new LoadReport(loaded, missing, unexpected, mismatched, kinds));
        foreach (var (name, target) in state)
        {
            if (!sources.TryGetValue(name, out var source))
            {
                if (!old || !ModuleState.IsBatchCounter(name))
                    missing.Add(name);
            }
            else if (!target.shape.AsSpan().SequenceEqual(source.Shape))
            {
                mismatched.Add(new ShapeMismatch(name, target.shape, source.Shape));
            }
            else
            {
                loaded.Add(name);
                match._pairs.Add((target, source));
            }
        }
        return match;
    }

    /// <summary>Copies what fits. All is read before anything is copied: a file that cannot be read to its end changes nothing.</summary>
    public void Copy(SafeFileHandle file)
    {
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
        foreach (var (target, source) in _pairs)
            target.copy_(staged[source.Storage].as_strided(source.Shape, source.Strides, source.Offset));
    }
}
