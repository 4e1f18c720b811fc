namespace ResNet.Core.Weights;

/// <summary>Selects the one <c>state_dict</c> in a file that fits a module.</summary>
internal static class StateDictSelector
{
    private const int MaxNamed = 5;

    /// <summary>Selects the best candidate.</summary>
    /// <param name="module">The module's name, for messages.</param>
    /// <param name="state">The module's tensors.</param>
    /// <param name="dictionaries">The dictionaries in the file.</param>
    /// <param name="strict">Whether everything must fit. Otherwise the best fit is selected.</param>
    /// <exception cref="InvalidDataException">There is no candidate, or two fit equally well.</exception>
    public static StateDictCandidate Select(string module, IReadOnlyList<NamedTensor> state, IReadOnlyList<StoredStateDict> dictionaries, bool strict)
    {
        var candidates = new StateDictCandidates(state, strict);
        var best = new List<StateDictCandidate>();
        foreach (var candidate in dictionaries.SelectMany(candidates.Find))
        {
            var order = best.Count == 0 ? -1 : candidate.ComputeRank(strict).CompareTo(best[0].ComputeRank(strict));
            if (order < 0)
                best.Clear();
            if (order < 0 || (order == 0 && best.Count <= MaxNamed && !best.Any(candidate.IsSameAs)))
                best.Add(candidate);
        }

        return best switch
        {
            [] => throw new InvalidDataException($"does not fit {module}: {DescribeMisfit(state, dictionaries)}"),
            [var one] => one,
            // None fits, so any of them can explain why.
            [var first, ..] when first.Loaded == 0 || (strict && first.Misfits > 0) => first,
            _ => throw new InvalidDataException($"has more than one state_dict that fits {module}, expected one: {DescribePlaces(best)}; " +
                $"save the one you want in Python, such as: {best[0].Dictionary.FormatPythonToSave(best[0].Prefix)}"),
        };
    }

    private static string DescribePlaces(List<StateDictCandidate> candidates) =>
        string.Join("; ", candidates.Take(MaxNamed).Select(candidate => candidate.Place.Length > 0 ? candidate.Place : "the file itself")) +
        (candidates.Count > MaxNamed ? " and more" : "");

    private static string DescribeMisfit(IReadOnlyList<NamedTensor> state, IReadOnlyList<StoredStateDict> dictionaries)
    {
        var largest = dictionaries.MaxBy(dictionary => dictionary.Entries.Count(entry => entry.Tensor is not null))!;
        var names = largest.Entries.Where(entry => entry.Tensor is not null).Select(entry => entry.Name).ToList();
        if (names.Count == 0)
            return "the file has no tensors";
        var place = largest.Place.Length > 0 ? $", under {largest.Place}" : "";
        return $"expected tensor names like the module's {Names.Summarize([.. state.Select(entry => entry.Name)])}; got {Names.Summarize(names)}{place}";
    }
}
