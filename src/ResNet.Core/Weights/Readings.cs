namespace ResNet.Core.Weights;

/// <summary>Finds a module's tensors in a dictionary of a file.</summary>
internal sealed class Readings
{
    private const int MaxPrefixLength = 200; // so that the names of a hostile file take no more memory than the file explains

    private readonly Dictionary<string, long[]> _shapes;
    private readonly int _counters, _maxDots, _maxLength;

    public Readings(IReadOnlyList<NamedTensor> state)
    {
        _shapes = state.ToDictionary(entry => entry.Name, entry => entry.Tensor.shape);
        _counters = state.Count(entry => ModuleState.IsBatchCounter(entry.Name));
        _maxDots = state.Max(entry => entry.Name.Count(character => character == '.'));
        _maxLength = state.Max(entry => entry.Name.Length) + 2 * (_maxDots + 1); // `downsample` is longer than `shortcut`
    }

    /// <summary>The readings that fit best, more than one where they fit equally. A name that is the module's own needs no prefix.</summary>
    public IReadOnlyList<Reading> Of(StateDict dictionary)
    {
        var tensors = 0;
        var counters = new List<string>(); // of averages
        var byPrefix = new Dictionary<string, Dictionary<string, Source>>();
        foreach (var (name, tensor) in dictionary.Entries)
        {
            if (tensor is null) continue;
            tensors++;
            if (NamesInFile.CountsAverages(name))
                counters.Add(name);
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
            if (prefix.Length > 0 && !IsMost(sources)) continue;
            var (loaded, misfits) = Compare(sources);
            // Counted first: a hostile file can have many prefixes and many counters.
            var others = tensors - sources.Count;
            var whole = misfits == 0 && others <= counters.Count && others == counters.Count(name => NamesInFile.CountsAverages(name, prefix));
            var reading = new Reading(dictionary, prefix, sources, loaded, misfits, whole);
            var order = best.Count == 0 ? -1 : reading.Rank.CompareTo(best[0].Rank);
            if (order < 0)
                best.Clear();
            if (order <= 0)
                best.Add(reading);
        }
        return best.Find(reading => reading.Prefix.Length == 0) is { } plain ? [plain] : best;
    }

    private (int Loaded, int Misfits) Compare(Dictionary<string, Source> sources)
    {
        var (loaded, counters) = (0, _counters);
        foreach (var (name, source) in sources)
        {
            if (_shapes[name].AsSpan().SequenceEqual(source.Tensor.Shape))
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
            if (!own)
                end = NamesInFile.WithShortcut(end);
            if (own || _shapes.ContainsKey(end))
                yield return (name[..start], end, own);
        }
    }
}
