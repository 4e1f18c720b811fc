using ResNet.Core.Weights;

namespace ResNet.Core;

/// <summary>The result of <see cref="Checkpoint.Load"/> for each tensor of the module and of the file.</summary>
public sealed class LoadReport
{
    private readonly string? _stemAdvice;
    private readonly IReadOnlyDictionary<string, string> _kinds;

    /// <param name="loaded">See <see cref="Loaded"/>.</param>
    /// <param name="missing">See <see cref="Missing"/>.</param>
    /// <param name="unexpected">See <see cref="Unexpected"/>.</param>
    /// <param name="mismatched">See <see cref="Mismatched"/>.</param>
    /// <param name="place">See <see cref="Place"/>.</param>
    /// <param name="stemMismatch">See <see cref="StemMismatch"/>, and what to do.</param>
    /// <param name="kinds">The kinds of those unexpected tensors that no module can take, such as <c>F8_E4M3</c>, by name.</param>
    internal LoadReport(IReadOnlyList<string> loaded, IReadOnlyList<string> missing, IReadOnlyList<string> unexpected, IReadOnlyList<ShapeMismatch> mismatched, string place, (string Problem, string Advice)? stemMismatch, IReadOnlyDictionary<string, string> kinds)
    {
        _kinds = kinds;
        Loaded = loaded;
        Missing = missing;
        Unexpected = unexpected;
        Mismatched = mismatched;
        Place = place;
        (StemMismatch, _stemAdvice) = (stemMismatch?.Problem, stemMismatch?.Advice);
    }

    /// <summary>The names of the module's tensors that were overwritten, in the module's order.</summary>
    public IReadOnlyList<string> Loaded { get; }

    /// <summary>The names of the module's tensors that the file does not have. They are unchanged.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>The names in the file that the module does not have.</summary>
    /// <remarks>
    /// Tensors of an ONNX file have this library's names, such as <c>layer4.2.conv1.weight</c>. Operators that are not part of the network are listed with their
    /// place: <c>Sub 'mean' before conv1</c>, <c>Softmax 'probabilities' after fc</c>.
    /// </remarks>
    public IReadOnlyList<string> Unexpected { get; }

    /// <summary>The module's tensors that have another shape in the file. They are unchanged.</summary>
    public IReadOnlyList<ShapeMismatch> Mismatched { get; }

    /// <summary>
    /// The place of the weights in the file and the prefix of their names, such as <c>under ['model'], with prefix 'module.'</c>. Empty if the file is the
    /// <c>state_dict</c> itself.
    /// </summary>
    public string Place { get; }

    /// <summary>
    /// A message such as <c>expected Conv7, got Conv7MaxPool</c> if the weights are for a <see cref="Stem"/> other than the network's, so that its outputs
    /// would be wrong; null if no mismatch is known.
    /// </summary>
    /// <remarks>Files of <see cref="Checkpoint.Save"/> record their stem. Torchvision's files are recognized by their names, ONNX files by their graph.</remarks>
    public string? StemMismatch { get; }

    /// <summary>
    /// Whether file and module have the same tensors for the same stem: none is missing, unexpected or of another shape. Always true after a strict load.
    /// </summary>
    /// <remarks><c>num_batches_tracked</c> is not required if the file has none at all, as files of old PyTorch versions do.</remarks>
    public bool IsComplete => Missing.Count + Unexpected.Count + Mismatched.Count == 0 && StemMismatch is null;

    /// <summary>Describes what was not loaded. Long lists of names are shortened.</summary>
    public override string ToString()
    {
        var parts = new List<string> { $"{(Place.Length > 0 ? $"{Place}: " : "")}{Loaded.Count} {(Loaded.Count == 1 ? "tensor fits" : "tensors fit")}" };
        if (Missing.Count > 0)
            parts.Add($"missing in the file: {Names.Join(Missing)}");
        if (Unexpected.Count > 0)
            parts.Add($"unexpected in the file: {Names.Join([.. Unexpected.Select(name => _kinds.TryGetValue(name, out var kind) ? $"{Names.Shorten(name)} ({kind}, which is not loaded)" : name)])}");
        if (Mismatched.Count > 0)
            parts.Add($"of another shape: {Names.Join([.. Mismatched.Select(mismatch => $"{mismatch}")])}");
        if (StemMismatch is not null)
            parts.Add($"for another stem: {StemMismatch}{_stemAdvice}");
        return string.Join("; ", parts);
    }
}
