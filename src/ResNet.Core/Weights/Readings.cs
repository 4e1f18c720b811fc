using ResNet.Core.Family;

namespace ResNet.Core.Weights;

/// <summary>Finds a module's tensors in a dictionary of a file.</summary>
internal sealed class Readings
{
    private const int MostPrefixes = 10;
    private const int MaxPrefixLength = 200; // so that the names of a hostile file take no more memory than the file explains

    private readonly Dictionary<string, long[]> _shapes;
    private readonly Dictionary<string, string> _torchvisions = []; // torchvision's names, and the module's own for the same tensors
    private readonly bool _strict;
    private readonly int _counters, _maxDots, _maxLength;

    public Readings(IReadOnlyList<NamedTensor> state, bool strict)
    {
        _strict = strict;
        _shapes = state.ToDictionary(entry => entry.Name, entry => entry.Tensor.shape);
        foreach (var entry in state)
            if (entry.TorchvisionsName != entry.Name)
                _torchvisions.TryAdd(entry.TorchvisionsName, entry.Name);
        _counters = state.Count(entry => ModuleState.IsBatchCounter(entry.Name));
        _maxDots = state.Max(entry => entry.Name.Count(character => character == '.'));
        _maxLength = state.Max(entry => entry.Name.Length) + (ShortcutName.Torchvision.Length - ShortcutName.Own.Length) * (_maxDots + 1); // torchvision's word is longer
    }

    /// <summary>The readings that fit best, more than one where they fit equally. Where names are the module's own, they need no prefix.</summary>
    public IReadOnlyList<Reading> Of(StateDict dictionary)
    {
        var byPrefix = new Dictionary<string, Dictionary<string, Source>>();
        foreach (var (name, tensor) in dictionary.Entries)
        {
            if (tensor is null) continue;
            foreach (var (prefix, target, own) in Targets(name))
            {
                if (!byPrefix.TryGetValue(prefix, out var sources))
                    byPrefix.Add(prefix, sources = []);
                // One name can be written in two ways: then the way that is the module's own counts.
                if (!sources.TryGetValue(target, out var other) || (own && !other.Own))
                    sources[target] = new Source(name, tensor, own);
            }
        }

        var best = new List<Reading>();
        foreach (var (prefix, sources) in byPrefix)
        {
            if (!NamesInFile.IsWrapper(prefix) && !IsMost(sources)) continue;
            var (loaded, misfits) = Compare(sources);
            if (best.Count > 0 && misfits < best[0].Misfits)
                best.Clear();
            if (best.Count == 0 || misfits == best[0].Misfits)
                best.Add(new Reading(dictionary, prefix, sources, loaded, misfits, Whole: false));
        }
        if (best.Find(reading => reading.Prefix.Length == 0) is { } plain)
            best = [plain];
        if (!_strict)
            return best;
        // Of more there are two that are whole, or so it is taken: looking at all of a hostile file's would take long.
        if (best.Count > 0 && best[0].Misfits == 0)
            best = [.. best.Select(reading => reading with { Whole = best.Count > MostPrefixes || HasNothingElse(reading) })];
        var whole = best.FindAll(reading => reading.Whole);
        return whole.Count > 0 ? whole : best;
    }

    /// <summary>Whether every tensor behind the prefix is one of the module's.</summary>
    private static bool HasNothingElse(Reading reading) =>
        reading.Sources.Count == reading.Dictionary.Entries.Count(entry => entry.Tensor is not null && entry.Name.StartsWith(reading.Prefix, StringComparison.Ordinal));

    private (int Loaded, int Misfits) Compare(Dictionary<string, Source> sources)
    {
        var (loaded, counters) = (0, _counters);
        foreach (var (name, source) in sources)
        {
            if (_shapes[name].AsSpan().SequenceEqual(source.Tensor.As(_shapes[name]).Shape))
                loaded++;
            if (ModuleState.IsBatchCounter(name))
                counters = 0; // it is no file from before there were any, in which none is missed
        }
        return (loaded, _shapes.Count - loaded - counters);
    }

    /// <summary>Whether most of the module is there: a few names that end like some of the module's can be anything.</summary>
    private bool IsMost(Dictionary<string, Source> sources) => 2 * sources.Count > _shapes.Count;

    /// <summary>What a name of the file can be a name of: each of its ends that is one of the module's names, with what stands before it.</summary>
    private IEnumerable<(string Prefix, string Target, bool Own)> Targets(string name)
    {
        var first = Math.Max(name.Length - _maxLength, 0);
        for (var (start, dots) = (name.Length + 1, 0); start > first && dots <= _maxDots; dots++)
        {
            // After the dot before the last one, or at the first character
            start = start < 2 ? 0 : name.LastIndexOf('.', start - 2, start - 1 - Math.Max(first - 1, 0)) + 1;
            if ((start == 0 && first > 0) || start > MaxPrefixLength) continue;
            var end = name[start..];
            var own = _shapes.ContainsKey(end);
            var target = own ? end : _torchvisions.GetValueOrDefault(end) ?? NamesInFile.WithShortcut(end);
            if (own || _shapes.ContainsKey(target))
                yield return (name[..start], target, own);
        }
    }
}
