using ResNet.Core.Family;

namespace ResNet.Core.Weights;

/// <summary>Finds the candidates for a module's <c>state_dict</c> in a dictionary of a file.</summary>
internal sealed class StateDictCandidates
{
    private const int MaxPrefixes = 10;
    private const int MaxPrefixLength = 200; // bounds the memory for the names of a hostile file

    private readonly Dictionary<string, long[]> _shapes;
    private readonly Dictionary<string, string> _torchvisions = []; // torchvision's names to the module's own
    private readonly bool _strict;
    private readonly int _counters, _maxDots, _maxLength;

    public StateDictCandidates(IReadOnlyList<NamedTensor> state, bool strict)
    {
        _strict = strict;
        _shapes = state.ToDictionary(entry => entry.Name, entry => entry.Tensor.shape);
        foreach (var entry in state)
            if (entry.TorchvisionName != entry.Name)
                _torchvisions.TryAdd(entry.TorchvisionName, entry.Name);
        _counters = state.Count(entry => StateDict.IsBatchCounter(entry.Name));
        _maxDots = state.Max(entry => entry.Name.Count(character => character == '.'));
        _maxLength = state.Max(entry => entry.Name.Length) + (ShortcutName.Torchvision.Length - ShortcutName.Own.Length) * (_maxDots + 1); // "downsample" is longer than "shortcut"
    }

    /// <summary>The best candidates; more than one if they fit equally well. A candidate without a prefix wins.</summary>
    public IReadOnlyList<StateDictCandidate> Find(StoredStateDict dictionary)
    {
        var byPrefix = new Dictionary<string, Dictionary<string, Source>>();
        foreach (var (name, tensor) in dictionary.Entries)
        {
            if (tensor is null) continue;
            foreach (var (prefix, target, own) in FindTargets(name))
            {
                if (!byPrefix.TryGetValue(prefix, out var sources))
                    byPrefix.Add(prefix, sources = []);
                // If a tensor is there under both names, the module's own name wins.
                if (!sources.TryGetValue(target, out var other) || (own && !other.Own))
                    sources[target] = new Source(name, tensor, own);
            }
        }

        var best = new List<StateDictCandidate>();
        foreach (var (prefix, sources) in byPrefix)
        {
            if (!StateDictKeys.IsWrapperPrefix(prefix) && !IsMost(sources)) continue;
            var (loaded, misfits) = Compare(sources);
            if (best.Count > 0 && misfits < best[0].Misfits)
                best.Clear();
            if (best.Count == 0 || misfits == best[0].Misfits)
                best.Add(new StateDictCandidate(dictionary, prefix, sources, loaded, misfits, Whole: false));
        }
        if (best.Find(candidate => candidate.Prefix.Length == 0) is { } plain)
            best = [plain];
        if (!_strict)
            return best;
        // With more than MaxPrefixes candidates, assume that at least two are whole: checking all of them in a hostile file would take too long.
        if (best.Count > 0 && best[0].Misfits == 0)
            best = [.. best.Select(candidate => candidate with { Whole = best.Count > MaxPrefixes || HasNothingElse(candidate) })];
        var whole = best.FindAll(candidate => candidate.Whole);
        return whole.Count > 0 ? whole : best;
    }

    /// <summary>Whether every tensor with the prefix is one of the module's.</summary>
    private static bool HasNothingElse(StateDictCandidate candidate) =>
        candidate.Sources.Count == candidate.Dictionary.Entries.Count(entry => entry.Tensor is not null && entry.Name.StartsWith(candidate.Prefix, StringComparison.Ordinal));

    private (int Loaded, int Misfits) Compare(Dictionary<string, Source> sources)
    {
        var (loaded, counters) = (0, _counters);
        foreach (var (name, source) in sources)
        {
            if (_shapes[name].AsSpan().SequenceEqual(source.Tensor.As(_shapes[name]).Shape))
                loaded++;
            if (StateDict.IsBatchCounter(name))
                counters = 0; // only files without any counters may lack them
        }
        return (loaded, _shapes.Count - loaded - counters);
    }

    /// <summary>Whether most of the module is there. A few matching name endings can be a coincidence.</summary>
    private bool IsMost(Dictionary<string, Source> sources) => 2 * sources.Count > _shapes.Count;

    /// <summary>The module's tensors that a name in the file may stand for: every name ending that is one of the module's names, with the prefix before it.</summary>
    private IEnumerable<(string Prefix, string Target, bool Own)> FindTargets(string name)
    {
        var first = Math.Max(name.Length - _maxLength, 0);
        for (var (start, dots) = (name.Length + 1, 0); start > first && dots <= _maxDots; dots++)
        {
            // The start of the next longer name ending
            start = start < 2 ? 0 : name.LastIndexOf('.', start - 2, start - 1 - Math.Max(first - 1, 0)) + 1;
            if ((start == 0 && first > 0) || start > MaxPrefixLength) continue;
            var end = name[start..];
            var own = _shapes.ContainsKey(end);
            var target = own ? end : _torchvisions.GetValueOrDefault(end) ?? StateDictKeys.RenameDownsample(end);
            if (own || _shapes.ContainsKey(target))
                yield return (name[..start], target, own);
        }
    }
}
