using System.Security.Cryptography;
using ResNet.Core.Files;

namespace ResNet.Core.Pretrained;

/// <summary>Brings one file from the network to its place, whole and as it was published, or not at all.</summary>
/// <param name="client">Through which it comes.</param>
/// <param name="url">Where it is published.</param>
/// <param name="path">Its place.</param>
/// <param name="sha256Prefix">With which its SHA-256 begins, in hexadecimal.</param>
/// <param name="length">About how many bytes it has.</param>
internal sealed class Download(HttpClient client, Uri url, string path, string sha256Prefix, long length)
{
    private static readonly TimeSpan lookAgain = TimeSpan.FromMilliseconds(100);

    private double _reported;

    /// <summary>After the first failure.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <returns>The path.</returns>
    public async Task<string> RunAsync(IProgress<double>? progress, CancellationToken cancellationToken)
    {
        WriteErrors.IgnoreSizeSignal();
        while (!await IsThereAsync(cancellationToken).ConfigureAwait(false))
        {
            if (await TryFetchAsync(progress, cancellationToken).ConfigureAwait(false))
                break;
            await Task.Delay(lookAgain, cancellationToken).ConfigureAwait(false);
        }
        Report(progress, 1);
        return path;
    }

    /// <summary>Whether the file is in its place. Another one there is told and left alone: it may be somebody's only copy of something.</summary>
    private async Task<bool> IsThereAsync(CancellationToken cancellationToken)
    {
        if (!Path.Exists(path))
            return false;
        try
        {
            using var file = RegularFile.OpenRead(path);
            if (await HashAsync(file, cancellationToken).ConfigureAwait(false) is var hash && !IsRight(hash))
                throw new InvalidDataException($"{path}: is damaged, or another file: expected a SHA-256 that begins with {sha256Prefix}, got {hash}. Delete it, and it is fetched again.");
        }
        catch (IOException e) when (e is FileNotFoundException || PartialFile.IsInUse(e))
        {
            return false; // it was deleted, or got its name, a moment ago
        }
        PartialFile.DeleteLeftOver(Links.Follow(path));
        return true;
    }

    /// <returns>False where another task or process fetches it.</returns>
    private async Task<bool> TryFetchAsync(IProgress<double>? progress, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var target = Links.Follow(path);
            using var partial = PartialFile.TryOpen(target);
            if (partial is null || Path.Exists(target))
                return false;
            await FetchAsync(partial.Stream, progress, cancellationToken).ConfigureAwait(false);
            partial.Move();
            return true;
        }
        catch (IOException) when (HasAppeared())
        {
            return false; // Python, say, was faster
        }
        catch (Exception e) when (WriteErrors.Includes(e))
        {
            throw WriteErrors.WithPath(path, e);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{url}: {e.Message} Nothing was written to {path}.", e);
        }
        catch (HttpRequestException e)
        {
            var message = $"{url}: cannot be fetched to {path}: {e.Message.TrimEnd('.')}. A file that was fetched in another way, such as by a browser, serves as well: put it there.";
            throw new HttpRequestException(e.HttpRequestError, message, e, e.StatusCode);
        }
    }

    /// <summary>Not where its place is a link to nothing: that is there as well, and would be tried for ever.</summary>
    private bool HasAppeared()
    {
        try
        {
            return Path.Exists(Links.Follow(path));
        }
        catch (IOException)
        {
            return false; // the link leads nowhere
        }
    }

    /// <summary>Pieces of two answers, or of two calls, may be those of different files: then, once, all of it is fetched again.</summary>
    private async Task FetchAsync(FileStream file, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var transfer = new Transfer(client, url, file, longest: length + length / 4 + (1 << 20));
        for (var again = false; ; again = true)
        {
            await transfer.RunAsync(Pause, (bytes, of) => Report(progress, (double)bytes / (of ?? length)), cancellationToken).ConfigureAwait(false);
            var (bytes, hash) = (file.Length, await HashAsync(file, cancellationToken).ConfigureAwait(false));
            if (IsRight(hash))
                return;
            file.SetLength(0);
            if (again || !transfer.IsPieced)
                throw new InvalidDataException($"expected a file whose SHA-256 begins with {sha256Prefix}, got {bytes} bytes with {hash}.");
        }
    }

    private bool IsRight(string hash) => hash.StartsWith(sha256Prefix, StringComparison.OrdinalIgnoreCase);

    private static async Task<string> HashAsync(FileStream file, CancellationToken cancellationToken)
    {
        file.Position = 0;
        return Convert.ToHexString(await SHA256.HashDataAsync(file, cancellationToken).ConfigureAwait(false)).ToLowerInvariant();
    }

    /// <summary>Never less than before, also where it begins anew.</summary>
    private void Report(IProgress<double>? progress, double fraction)
    {
        if (fraction > _reported)
            progress?.Report(_reported = Math.Min(fraction, 1));
    }
}
