namespace ResNet.Train;

/// <summary>Joint operations of all ranks, which also stop together: a signal may reach one rank earlier than another, or only one.</summary>
/// <param name="ranks">The ranks.</param>
/// <param name="interruption">This rank's interruption.</param>
internal sealed class Together(Ranks ranks, Interruption interruption)
{
    public Ranks Ranks => ranks;

    /// <summary>This rank's cancellation. When it is requested, call <see cref="Agree"/>, where the others wait.</summary>
    public CancellationToken Token => interruption.Token;

    /// <summary>Agrees with all ranks whether to stop. Every rank must call it.</summary>
    /// <exception cref="OperationCanceledException">The user interrupted the program. Every rank throws.</exception>
    /// <exception cref="OtherRankException">Another rank has failed.</exception>
    public void Agree()
    {
        // A signal during the exchange counts at the next call: otherwise the others would continue without this rank.
        var code = ranks.Exchange(interruption.ExitCode);
        if (code == ExitCode.Done)
            return;
        interruption.Request(code);
        Token.ThrowIfCancellationRequested();
    }

    /// <summary>Runs work that may be interrupted, on each rank or on one.</summary>
    /// <inheritdoc cref="Agree"/>
    public void Run(Action work)
    {
        try
        {
            work();
        }
        catch (OperationCanceledException) when (ranks.AreSeveral && Token.IsCancellationRequested)
        {
            // Agree below tells the others.
        }
        if (ranks.AreSeveral)
            Agree();
    }

    /// <returns>The values of all ranks, by rank.</returns>
    /// <inheritdoc cref="Agree"/>
    public T[] Gather<T>(T own)
    {
        if (!ranks.AreSeveral)
            return [own];
        Agree();
        return [.. ranks.Gather(JsonFile.Write(own)).Select(JsonFile.Parse<T>)];
    }

    /// <returns>The first rank's value.</returns>
    /// <inheritdoc cref="Agree"/>
    public T TakeFromFirst<T>(T own)
    {
        if (!ranks.AreSeveral)
            return own;
        Agree();
        return JsonFile.Parse<T>(ranks.Gather(ranks.IsFirst ? JsonFile.Write(own) : [])[0]);
    }

}
