namespace ResNet.Core.Weights;

/// <summary>A tensor in a file that is one of the module's.</summary>
/// <param name="Name">In the file.</param>
/// <param name="Tensor">The tensor.</param>
/// <param name="Own">Whether the name is the module's own, and not torchvision's.</param>
internal sealed record Source(string Name, StoredTensor Tensor, bool Own);

/// <summary>One way to read a file as a module's state: a dictionary in it, and what stands there before the module's names.</summary>
/// <param name="Dictionary">Where the tensors are.</param>
/// <param name="Prefix">Ends with a dot, or is empty.</param>
/// <param name="Sources">The tensors by their names in the module.</param>
/// <param name="Loaded">How many of the module's tensors have their shape there.</param>
/// <param name="Misfits">How many of the module's tensors are missing or have another shape.</param>
/// <param name="Whole">Whether all of the module fits and there is no other tensor behind the prefix.</param>
internal sealed record Reading(StateDict Dictionary, string Prefix, IReadOnlyDictionary<string, Source> Sources, int Loaded, int Misfits, bool Whole)
{
    /// <summary>Less is better. What else stands there is no worse where not all has to fit.</summary>
    public (int, bool) Rank(bool strict) => (Misfits, strict && !Whole);

    /// <summary>Whether both give the module the same elements of the file: one state_dict under two names.</summary>
    public bool IsSameAs(Reading other) =>
        Sources.Count == other.Sources.Count &&
        Sources.All(entry => other.Sources.TryGetValue(entry.Key, out var source) && source.Tensor.IsSameAs(entry.Value.Tensor));

    /// <summary>Where the module's tensors are, for a message: <c>under ['model'], behind 'module.'</c>. Empty where they are simply there.</summary>
    public string Place => string.Join(", ",
        ((string[])[
            Dictionary.Place.Length > 0 ? $"under {Dictionary.Place}" : "",
            Prefix.Length > 0 ? $"behind '{Names.Short(Prefix)}'" : "",
        ]).Where(part => part.Length > 0));
}
