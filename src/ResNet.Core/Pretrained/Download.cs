using System.Security.Cryptography;
using ResNet.Core.Files;

namespace ResNet.Core.Pretrained;

/// <summary>Downloads one published file. The file appears at its path complete and verified, or not at all.</summary>
/// <param name="client">The HTTP client.</param>
/// <param name="url">The URL of the file.</param>
/// <param name="path">The path to download to.</param>
/// <param name="sha256Prefix">The first hexadecimal digits of the SHA-256.</param>
/// <param name="length">The approximate length in bytes.</param>
internal sealed class Download(HttpClient client, Uri url, string path, string sha256Prefix, long length)
{
    private static readonly TimeSpan pollInterval = TimeSpan.FromMilliseconds(100);

    private double _reported;

    /// <summary>The pause after the first failure.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <returns>The path.</returns>
    public async Task<string> RunAsync(IProgress<double>? progress, CancellationToken cancellationToken)
    {
        WriteErrors.IgnoreSizeSignal();
        while (!await ExistsAsync(cancellationToken).ConfigureAwait(false))
        {
            if (await TryFetchAsync(progress, cancellationToken).ConfigureAwait(false))
                break;
            await Task.Delay(pollInterval, cancellationToken).ConfigureAwait(false);
        }
        Report(progress, 1);
        return path;
    }

    /// <summary>Whether the file exists. Throws if another file is there, and leaves it alone: it may be the only copy of something.</summary>
    private async Task<bool> ExistsAsync(CancellationToken cancellationToken)
    {
        if (!Path.Exists(path))
            return false;
        try
        {
            using var file = RegularFile.OpenRead(path);
            if (await HashAsync(file, cancellationToken).ConfigureAwait(false) is var hash && !IsRight(hash))
                throw new InvalidDataException($"{path}: is damaged or a different file: expected a SHA-256 that begins with {sha256Prefix}, got {hash}. Delete the file to download it again.");
        }
        catch (IOException e) when (e is FileNotFoundException || PartialFile.IsInUse(e))
        {
            return false; // it was deleted or renamed a moment ago
        }
        PartialFile.DeleteLeftOver(Links.Follow(path));
        return true;
    }

    /// <returns>False if another task or process is downloading the file.</returns>
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
            return false; // another program, such as Python, was faster
        }
        catch (Exception e) when (WriteErrors.Includes(e))
        {
            throw WriteErrors.AddPath(path, e);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{url}: {e.Message} Nothing was written to {path}.", e);
        }
        catch (HttpRequestException e)
        {
            var message = $"{url}: cannot be downloaded to {path}: {e.Message.TrimEnd('.')}. You can also download the file in another way, such as with a browser, and put it there.";
            throw new HttpRequestException(e.HttpRequestError, message, e, e.StatusCode);
        }
    }

    /// <summary>Whether the file has appeared. False for a dangling link, which would otherwise be retried forever.</summary>
    private bool HasAppeared()
    {
        try
        {
            return Path.Exists(Links.Follow(path));
        }
        catch (IOException)
        {
            return false; // a dangling link
        }
    }

    /// <summary>Downloads the file. Pieces of several responses may belong to different versions; if so, the whole file is downloaded once more.</summary>
    private async Task FetchAsync(FileStream file, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var transfer = new ResumableTransfer(client, url, file, longest: length + length / 4 + (1 << 20));
        for (var again = false; ; again = true)
        {
            await transfer.RunAsync(Pause, (bytes, of) => Report(progress, (double)bytes / (of ?? length)), cancellationToken).ConfigureAwait(false);
            var (bytes, hash) = (file.Length, await HashAsync(file, cancellationToken).ConfigureAwait(false));
            if (IsRight(hash))
                return;
            file.SetLength(0);
            if (again || !transfer.IsPieced)
                throw new InvalidDataException($"expected a file whose SHA-256 begins with {sha256Prefix}, got {bytes} bytes with SHA-256 {hash}.");
        }
    }

    private bool IsRight(string hash) => hash.StartsWith(sha256Prefix, StringComparison.OrdinalIgnoreCase);

    private static async Task<string> HashAsync(FileStream file, CancellationToken cancellationToken)
    {
        file.Position = 0;
        return Convert.ToHexString(await SHA256.HashDataAsync(file, cancellationToken).ConfigureAwait(false)).ToLowerInvariant();
    }

    /// <summary>Reports progress that never decreases, even after a restart.</summary>
    private void Report(IProgress<double>? progress, double fraction)
    {
        if (fraction > _reported)
            progress?.Report(_reported = Math.Min(fraction, 1));
    }
}
