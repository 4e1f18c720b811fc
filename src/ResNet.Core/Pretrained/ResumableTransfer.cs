using System.Net;
using System.Net.Http.Headers;

namespace ResNet.Core.Pretrained;

/// <summary>
/// Downloads the missing rest of a file. It resumes after an interrupted response as long as the server still has the same version (<c>If-Range</c>). The
/// version of bytes from an earlier call is unknown; the caller verifies the hash.
/// </summary>
/// <param name="client">The HTTP client. Its <see cref="HttpClient.Timeout"/> limits the time without data.</param>
/// <param name="url">The URL of the whole file.</param>
/// <param name="file">The part of the file that exists already.</param>
/// <param name="longest">An upper bound for the length of the file.</param>
internal sealed class ResumableTransfer(HttpClient client, Uri url, FileStream file, long longest)
{
    private const int MaxFailures = 5; // in a row, without progress

    private long _received;
    private EntityTagHeaderValue? _version;

    /// <summary>Whether the file has bytes of more than one response.</summary>
    public bool IsPieced { get; private set; }

    /// <param name="pause">The pause after the first failure. It doubles with each further failure.</param>
    /// <param name="report">Receives the number of bytes so far, and the total if the server tells it.</param>
    /// <param name="cancellationToken">Cancels the download. The bytes so far stay in the file.</param>
    /// <exception cref="HttpRequestException">The download failed.</exception>
    /// <exception cref="InvalidDataException">The server sent something else.</exception>
    public async Task RunAsync(TimeSpan pause, Action<long, long?> report, CancellationToken cancellationToken)
    {
        var (most, failures) = (0L, 0);
        while (true)
        {
            _received = 0;
            try
            {
                if (await ReceiveAsync(report, cancellationToken).ConfigureAwait(false))
                    return;
            }
            catch (HttpRequestException e)
            {
                // A server that always restarts and breaks off at the same point makes no progress.
                if (_received > 0 && file.Length > most)
                    (most, failures) = (file.Length, 0);
                if (!ShouldRetry(e.StatusCode, most) || ++failures >= MaxFailures)
                    throw;
                await Task.Delay(pause * (1 << (failures - 1)), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Whether to retry: a broken connection may come back, and a busy server may respond later. Without any connection from the start, fail at once.</summary>
    private static bool ShouldRetry(HttpStatusCode? status, long most) =>
        status is null ? most > 0 : status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;

    /// <returns>Whether the file is complete. Otherwise it is empty, and the next attempt requests all of it.</returns>
    private async Task<bool> ReceiveAsync(Action<long, long?> report, CancellationToken cancellationToken)
    {
        if (file.Length > longest)
            file.SetLength(0); // not a part of the file
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        var start = file.Length;
        if (start > 0)
        {
            request.Headers.Range = new RangeHeaderValue(start, null);
            request.Headers.IfRange = _version is null ? null : new RangeConditionHeaderValue(_version);
        }
        using var response = await WaitAsync(token => client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token), cancellationToken).ConfigureAwait(false);

        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && start > 0)
            return IsPieced = true; // the file is complete
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException($"the server responded with {(int)response.StatusCode} ({response.StatusCode}).", null, response.StatusCode);
        if (response.Content.Headers.ContentType?.MediaType is { } type && type.Equals("text/html", StringComparison.OrdinalIgnoreCase))
            throw new InvalidDataException("expected a file with weights, got an HTML page, perhaps from a proxy or a login.");

        var part = response.StatusCode == HttpStatusCode.PartialContent ? response.Content.Headers.ContentRange ?? new(0) : null;
        if (part is not null && (start == 0 || part.From != start))
        {
            if (start == 0)
                throw new HttpRequestException("the server sent a part of the file, expected all of it.");
            file.SetLength(0);
            return false;
        }
        var length = part is null ? response.Content.Headers.ContentLength : part.Length;
        if (length > longest)
            throw new InvalidDataException($"expected at most {longest} bytes, got {length}.");
        IsPieced = part is not null;
        if (!IsPieced)
        {
            file.SetLength(0);
            _version = response.Headers.ETag is { IsWeak: false } version ? version : null;
        }
        await CopyAsync(response.Content, length, report, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async Task CopyAsync(HttpContent content, long? length, Action<long, long?> report, CancellationToken cancellationToken)
    {
        var body = await WaitAsync(content.ReadAsStreamAsync, cancellationToken).ConfigureAwait(false);
        var buffer = new byte[1 << 17];
        file.Position = file.Length;
        while (await WaitAsync(token => body.ReadAsync(buffer, token).AsTask(), cancellationToken).ConfigureAwait(false) is > 0 and var count)
        {
            if (file.Position + count > (length ?? longest))
            {
                file.SetLength(0);
                throw new InvalidDataException($"expected at most {length ?? longest} bytes, got more.");
            }
            await file.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            _received += count;
            report(file.Position, length);
        }
        if (file.Position < length)
            throw new HttpRequestException($"the response ended after {file.Position} of {length} bytes.");
    }

    /// <summary>Runs a network call with the client's timeout. Network failures become <see cref="HttpRequestException"/>s; any other exception concerns the file.</summary>
    private async Task<T> WaitAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(client.Timeout);
        try
        {
            return await call(timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new HttpRequestException($"no data arrived for {client.Timeout.TotalSeconds:0.#} s.", e);
        }
        catch (Exception e) when (e is FormatException or ArgumentException) // HttpClient's exceptions for an invalid redirect
        {
            throw new HttpRequestException($"the server redirects to an invalid URL: {e.Message}", e);
        }
        catch (IOException e) // thrown by the response stream when the connection breaks
        {
            throw new HttpRequestException(e.Message, e);
        }
    }
}
