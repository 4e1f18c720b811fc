namespace ResNet.Train;

/// <summary>Another rank has failed, and this one has nothing to say of its own.</summary>
/// <param name="lines">What is to be told, by one of them.</param>
internal sealed class OtherRankException(IReadOnlyList<string> lines) : Exception(string.Join("; ", lines))
{
    public IReadOnlyList<string> Lines => lines;
}
