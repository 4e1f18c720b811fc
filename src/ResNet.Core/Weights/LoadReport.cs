using ResNet.Core.Weights;

namespace ResNet.Core;

/// <summary>What <see cref="Checkpoint.Load"/> did with each tensor of the module and of the file.</summary>
public sealed class LoadReport
{
    private readonly IReadOnlyDictionary<string, string> _kinds;

    /// <param name="loaded">See <see cref="Loaded"/>.</param>
    /// <param name="missing">See <see cref="Missing"/>.</param>
    /// <param name="unexpected">See <see cref="Unexpected"/>.</param>
    /// <param name="mismatched">See <see cref="Mismatched"/>.</param>
    /// <param name="place">See <see cref="Place"/>.</param>
    /// <param name="stemMismatch">See <see cref="StemMismatch"/>.</param>
    /// <param name="kinds">What those of the unexpected ones are that no module can take, such as <c>F8_E4M3</c>.</param>
    internal LoadReport(IReadOnlyList<string> loaded, IReadOnlyList<string> missing, IReadOnlyList<string> unexpected, IReadOnlyList<ShapeMismatch> mismatched, string place, string? stemMismatch, IReadOnlyDictionary<string, string> kinds)
    {
        _kinds = kinds;
        Loaded = loaded;
        Missing = missing;
        Unexpected = unexpected;
        Mismatched = mismatched;
        Place = place;
        StemMismatch = stemMismatch;
    }

    /// <summary>The module's tensors that were overwritten, by their names in the module and in its order.</summary>
    public IReadOnlyList<string> Loaded { get; }

    /// <summary>The module's tensors that the file does not have. They are as they were.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>What the file has and the module does not, by its names in the file.</summary>
    /// <remarks>
    /// Tensors of an ONNX file have this library's names, such as <c>layer4.2.conv1.weight</c>. Its operators that are no part of a network say where they are:
    /// <c>Sub 'mean' before conv1</c>, <c>Softmax 'probabilities' behind fc</c>.
    /// </remarks>
    public IReadOnlyList<string> Unexpected { get; }

    /// <summary>The module's tensors that have another shape in the file. They are as they were.</summary>
    public IReadOnlyList<ShapeMismatch> Mismatched { get; }

    /// <summary>
    /// Where in the file the weights were, and what stood before their names, such as <c>under ['model'], behind 'module.'</c>. Empty where the file
    /// is the <c>state_dict</c> itself.
    /// </summary>
    public string Place { get; }

    /// <summary>
    /// What is wrong where the weights are for another <see cref="Stem"/> than the network has, with which it would answer differently; null where
    /// nothing is known to be. Such as <c>expected Conv7, got Conv7MaxPool</c>.
    /// </summary>
    /// <remarks>Files that <see cref="Checkpoint.Save"/> wrote say their stem; torchvision's are known by their names, ONNX files by their graph.</remarks>
    public string? StemMismatch { get; }

    /// <summary>
    /// Whether file and module had the same tensors, for the same stem: nothing is missing, unexpected or of another shape. After a strict load always true.
    /// </summary>
    /// <remarks>Counters of batches that a file lacks altogether, as those from before there were any, are not missed.</remarks>
    public bool IsComplete => Missing.Count + Unexpected.Count + Mismatched.Count == 0 && StemMismatch is null;

    /// <summary>Names what was not loaded: of many tensors the first few, and how many there are beside them.</summary>
    public override string ToString()
    {
        var parts = new List<string> { $"{(Place.Length > 0 ? $"{Place}: " : "")}{Loaded.Count} tensors fit" };
        if (Missing.Count > 0)
            parts.Add($"missing in the file: {Names.List(Missing)}");
        if (Unexpected.Count > 0)
            parts.Add($"unexpected in the file: {Names.List([.. Unexpected.Select(name => _kinds.TryGetValue(name, out var kind) ? $"{Names.Short(name)} ({kind}, which is not loaded)" : name)])}");
        if (Mismatched.Count > 0)
            parts.Add($"of another shape: {Names.List([.. Mismatched.Select(mismatch => $"{mismatch}")])}");
        if (StemMismatch is not null)
            parts.Add($"for another stem: {StemMismatch}");
        return string.Join("; ", parts);
    }
}
