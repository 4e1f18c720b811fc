namespace ResNet.Train;

/// <summary>Another rank has failed; this rank has no error of its own.</summary>
/// <param name="lines">The lines to print, on one rank.</param>
internal sealed class OtherRankException(IReadOnlyList<string> lines) : Exception(string.Join("; ", lines))
{
    public IReadOnlyList<string> Lines => lines;
}
