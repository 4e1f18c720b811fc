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
        var counts = new List<string>();
        var byPrefix = new Dictionary<string, Dictionary<string, Source>>();
        foreach (var (name, tensor) in dictionary.Entries)
        {
            if (tensor is null) continue;
            tensors++;
            if (NamesInFile.CountsAverages(name))
                counts.Add(name);
            foreach (var (prefix, target, own) in Targets(name))
            {
                if (!byPrefix.TryGetValue(prefix, out var sources))
                    byPrefix.Add(prefix, sources = []);
                // One name can be written in two ways: then the way that is the module's own counts.
                if (!sources.TryGetValue(target, out var other) || (own && !other.Own))
                    sources[target] = new Source(name, tensor, own);
            }
        }

        var readings = byPrefix.Where(entry => IsPrefix(entry.Key, entry.Value)).Select(entry => Read(entry.Key, entry.Value)).ToList();
        var best = readings.Select(reading => reading.Rank).DefaultIfEmpty().Min();
        readings.RemoveAll(reading => reading.Rank != best);
        return readings.Find(reading => reading.Prefix.Length == 0) is { } plain ? [plain] : readings;

        Reading Read(string prefix, Dictionary<string, Source> sources)
        {
            var loaded = sources.Count(source => _shapes[source.Key].AsSpan().SequenceEqual(source.Value.Tensor.Shape));
            var misfits = _shapes.Count - loaded - (sources.Keys.Any(ModuleState.IsBatchCounter) ? 0 : _counters);
            // Counted first: a hostile file can have many prefixes and many counters.
            var others = tensors - sources.Count;
            var whole = misfits == 0 && others <= counts.Count && others == counts.Count(name => NamesInFile.CountsAverages(name, prefix));
            return new Reading(dictionary, prefix, sources, loaded, misfits, whole);
        }
    }

    /// <summary>Whether most of the module is there: one name that ends like one of the module's can be anything.</summary>
    private bool IsPrefix(string prefix, Dictionary<string, Source> sources) => prefix.Length == 0 || 2 * sources.Count > _shapes.Count;

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
