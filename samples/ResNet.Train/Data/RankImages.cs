using System.Security.Cryptography;
using System.Text;

namespace ResNet.Train;

/// <summary>Compares the image lists of all ranks.</summary>
internal static class RankImages
{
    /// <exception cref="UserException">The images differ between machines, so the ranks would take their shares of different lists.</exception>
    /// <inheritdoc cref="Together.Agree"/>
    public static void ExpectSame(this Together together, IEnumerable<Image> images, string folder)
    {
        if (!together.Ranks.AreSeveral)
            return;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var image in images)
            hash.AppendData(Encoding.UTF8.GetBytes($"{image.Label} {image.GetNameIn(folder)}\0"));
        var all = together.Gather(Convert.ToHexString(hash.GetHashAndReset()));
        if (Array.FindIndex(all, other => other != all[0]) is var rank and > 0)
            throw new UserException($"{folder}: expected the same images on every rank, got others on rank {rank} than on rank 0");
    }
}
