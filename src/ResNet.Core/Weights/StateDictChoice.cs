namespace ResNet.Core.Weights;

/// <summary>Finds the one <c>state_dict</c> of a module in a file, whatever stands beside it.</summary>
internal static class StateDictChoice
{
    private const int MostNamed = 5;

    /// <param name="module">The module's name, for messages.</param>
    /// <param name="state">The module's tensors.</param>
    /// <param name="dictionaries">The file's.</param>
    /// <param name="strict">Whether all has to fit. If not, that which fits best is meant.</param>
    /// <exception cref="InvalidDataException">There is none, or there are two that fit equally.</exception>
    public static Reading Of(string module, IReadOnlyList<NamedTensor> state, IReadOnlyList<StateDict> dictionaries, bool strict)
    {
        var readings = new Readings(state, strict);
        var best = new List<Reading>();
        foreach (var reading in dictionaries.SelectMany(readings.Of))
        {
            var order = best.Count == 0 ? -1 : reading.Rank(strict).CompareTo(best[0].Rank(strict));
            if (order < 0)
                best.Clear();
            if (order < 0 || (order == 0 && best.Count <= MostNamed && !best.Any(reading.IsSameAs)))
                best.Add(reading);
        }

        return best switch
        {
            [] => throw new InvalidDataException($"does not fit {module}: {NothingFits(state, dictionaries)}"),
            [var one] => one,
            // None of them is a fit, and the first is as good as another to say why.
            [var first, ..] when first.Loaded == 0 || (strict && first.Misfits > 0) => first,
            _ => throw new InvalidDataException($"has more than one state_dict that fits {module}, expected one: {Places(best)}; " +
                $"save the one that is meant in Python, such as: {best[0].Dictionary.PythonToSave(best[0].Prefix)}"),
        };
    }

    private static string Places(List<Reading> readings) =>
        string.Join("; ", readings.Take(MostNamed).Select(reading => reading.Place.Length > 0 ? reading.Place : "the file itself")) +
        (readings.Count > MostNamed ? " and more" : "");

    private static string NothingFits(IReadOnlyList<NamedTensor> state, IReadOnlyList<StateDict> dictionaries)
    {
        var largest = dictionaries.MaxBy(dictionary => dictionary.Entries.Count(entry => entry.Tensor is not null))!;
        var names = largest.Entries.Where(entry => entry.Tensor is not null).Select(entry => entry.Name).ToList();
        if (names.Count == 0)
            return "the file has no tensors";
        var place = largest.Place.Length > 0 ? $", under {largest.Place}" : "";
        return $"expected names of tensors like the module's {Names.Alike([.. state.Select(entry => entry.Name)])}; got {Names.Alike(names)}{place}";
    }
}
