using System.Security.Cryptography;
using System.Text;

namespace ResNet.Train;

/// <summary>What the ranks do together, and that they stop together: a signal may reach one of them before another one, or one alone.</summary>
/// <param name="ranks">Which.</param>
/// <param name="interruption">Of this one.</param>
internal sealed class Together(Ranks ranks, Interruption interruption)
{
    public Ranks Ranks => ranks;

    /// <summary>Of this rank. Who sees it goes on to <see cref="Agree"/>, where the others are waiting.</summary>
    public CancellationToken Token => interruption.Token;

    /// <summary>Every rank comes by here.</summary>
    /// <exception cref="OperationCanceledException">The user wants to stop; it is thrown on every rank.</exception>
    /// <exception cref="OtherRankException">Another rank has failed.</exception>
    public void Agree()
    {
        // A signal that comes meanwhile is for the next time: the others would go on without this rank.
        var code = ranks.Exchange(interruption.ExitCode);
        if (code == ExitCode.Done)
            return;
        interruption.Request(code);
        Token.ThrowIfCancellationRequested();
    }

    /// <summary>Does what may be interrupted, on each rank or on one.</summary>
    /// <inheritdoc cref="Agree"/>
    public void Run(Action work)
    {
        try
        {
            work();
        }
        catch (OperationCanceledException) when (ranks.AreSeveral && Token.IsCancellationRequested)
        {
            // The others are to know of it.
        }
        if (ranks.AreSeveral)
            Agree();
    }

    /// <returns>What every rank has, by rank.</returns>
    /// <inheritdoc cref="Agree"/>
    public T[] Gather<T>(T own)
    {
        if (!ranks.AreSeveral)
            return [own];
        Agree();
        return [.. ranks.Gather(JsonFile.Write(own)).Select(JsonFile.Parse<T>)];
    }

    /// <returns>What the first rank has.</returns>
    /// <inheritdoc cref="Agree"/>
    public T FromFirst<T>(T own)
    {
        if (!ranks.AreSeveral)
            return own;
        Agree();
        return JsonFile.Parse<T>(ranks.Gather(ranks.IsFirst ? JsonFile.Write(own) : [])[0]);
    }

    /// <exception cref="UserException">The images are not the same on every machine, and each rank would take its share of another list.</exception>
    /// <inheritdoc cref="Agree"/>
    public void ExpectSame(IEnumerable<Picture> pictures, string folder)
    {
        if (!ranks.AreSeveral)
            return;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var picture in pictures)
            hash.AppendData(Encoding.UTF8.GetBytes($"{picture.Label} {picture.NameIn(folder)}\0"));
        var all = Gather(Convert.ToHexString(hash.GetHashAndReset()));
        if (Array.FindIndex(all, other => other != all[0]) is var rank and > 0)
            throw new UserException($"{folder}: expected the same images on every rank, got others on rank {rank} than on rank 0");
    }
}
