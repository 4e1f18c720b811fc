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
        var prefix = NamesInFile.Prefix(stored.Keys, names);
        foreach (var (name, tensor) in stored)
        {
            var target = NamesInFile.Target(name[prefix.Length..], names);
            // One name can be written in two ways: then the way that is the module's own has come, or will.
            if (tensor is not null && names.Contains(target) && (target == name[prefix.Length..] || !stored.ContainsKey(prefix + target)))
                sources.Add(target, tensor);
            else
                unexpected.Add(name);
        }

        var old = !stored.Keys.Any(ModuleState.IsBatchCounter);
        var loaded = new List<string>();
        var missing = new List<string>();
        var mismatched = new List<ShapeMismatch>();
        var match = new Match(new LoadReport(loaded, missing, unexpected, mismatched));
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

    /// <summary>Copies what fits. All is read before anything is copied: a file that ends too early changes nothing.</summary>
    public void Copy()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();

        var storages = new Dictionary<Storage, Tensor>(ReferenceEqualityComparer.Instance);
        foreach (var (_, source) in _pairs)
            if (!storages.ContainsKey(source.Storage))
                storages.Add(source.Storage, source.Storage.Read());

        foreach (var (target, source) in _pairs)
            target.copy_(storages[source.Storage].as_strided(source.Shape, source.Strides, source.Offset));
    }
}
