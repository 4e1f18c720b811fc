namespace ResNet.Core.Weights;

/// <summary>The source in a file for one of the module's tensors.</summary>
/// <param name="Name">The name in the file.</param>
/// <param name="Tensor">The tensor.</param>
/// <param name="Own">Whether the name is the module's own rather than torchvision's.</param>
internal sealed record Source(string Name, StoredTensor Tensor, bool Own);

/// <summary>A possible <c>state_dict</c> of a module in a file: a dictionary and a prefix of its names.</summary>
/// <param name="Dictionary">The dictionary with the tensors.</param>
/// <param name="Prefix">The prefix before the module's names; ends with a dot or is empty.</param>
/// <param name="Sources">The tensors by their names in the module.</param>
/// <param name="Loaded">The number of the module's tensors that have the right shape.</param>
/// <param name="Misfits">The number of the module's tensors that are missing or have another shape.</param>
/// <param name="Whole">Whether the whole module fits and no other tensor has the prefix.</param>
internal sealed record StateDictCandidate(StoredStateDict Dictionary, string Prefix, IReadOnlyDictionary<string, Source> Sources, int Loaded, int Misfits, bool Whole)
{
    /// <summary>The rank of the candidate; lower is better. Other tensors only matter if the match must be strict.</summary>
    public (int, bool) ComputeRank(bool strict) => (Misfits, strict && !Whole);

    /// <summary>Whether both candidates assign the same elements of the file: one <c>state_dict</c> under two names.</summary>
    public bool IsSameAs(StateDictCandidate other) =>
        Sources.Count == other.Sources.Count &&
        Sources.All(entry => other.Sources.TryGetValue(entry.Key, out var source) && source.Tensor.IsSameAs(entry.Value.Tensor));

    /// <summary>The place of the module's tensors, for messages: <c>under ['model'], with prefix 'module.'</c>. Empty for the root without a prefix.</summary>
    public string Place => string.Join(", ",
        ((string[])[
            Dictionary.Place.Length > 0 ? $"under {Dictionary.Place}" : "",
            Prefix.Length > 0 ? $"with prefix '{Names.Shorten(Prefix)}'" : "",
        ]).Where(part => part.Length > 0));
}
